import assert from "node:assert/strict";
import { normalQuantile } from "../../models/normal_quantile.ts";

Deno.test("the normal quantile is the inverse of the distribution, on both sides", () => {
  const known = [[0.001, -3.090232306167813], [0.01, -2.326347874040841], [
    0.3,
    -0.524400512708041,
  ]];
  for (const [probability, quantile] of [...known, [0.5, 0]]) {
    assert.ok(Math.abs(normalQuantile(probability) - quantile) < 1e-8);
    assert.ok(Math.abs(normalQuantile(1 - probability) + quantile) < 1e-8);
  }
  assert.ok(Math.abs(normalQuantile(0.15865525393145707) + 1) < 1e-8);
});
