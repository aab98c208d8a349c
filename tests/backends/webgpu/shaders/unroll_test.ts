import assert from "node:assert/strict";
import { unroll } from "../../../../backends/webgpu/shaders/unroll.ts";

const squeeze = (text: string) => text.replace(/\s+/g, " ").trim();

Deno.test("marked loops are written out, also inside one another", () => {
  const code = `@unroll for (var i = 0u; i < ROWS; i++) {
  @unroll for (var j = 0u; j < 2; j++) { sums[i][j] += a[i * 4u]; }
}`;
  const line = (i: number, j: number) => `{ sums[${i}u][${j}u] += a[${i}u * 4u]; }`;
  const row = (i: number) => `{ ${line(i, 0)} ${line(i, 1)} }`;
  assert.equal(squeeze(unroll(code, { ROWS: 2 })), `${row(0)} ${row(1)}`);
});

Deno.test("loops without a mark and longer names stay as they are", () => {
  const code = "for (var i = 0u; i < n; i++) { index += i; }";
  assert.equal(unroll(code, { n: 3 }), code);
  assert.equal(
    squeeze(unroll("@unroll for (var i = 0u; i < 1; i++) { index = i; }", {})),
    "{ index = 0u; }",
  );
});

Deno.test("a count that is not known is an error", () => {
  assert.throws(() => unroll("@unroll for (var i = 0u; i < COUNT; i++) { }", {}), /COUNT/);
  assert.throws(() => unroll("@unroll for (var i = 0u; i < 2; i++) { ", {}), /brace/);
});
