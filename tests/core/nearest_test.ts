import assert from "node:assert/strict";
import { nearest } from "../../core/nearest.ts";

Deno.test("nearest() finds slips of the keyboard and nothing else", () => {
  assert.equal(nearest("optimzer", ["model", "optimizer"]), "optimizer");
  assert.equal(nearest("Modle", ["model", "optimizer"]), "model");
  assert.equal(nearest("batch", ["model", "optimizer"]), undefined);
  assert.equal(nearest("abc", []), undefined);
});

Deno.test("nearest() takes no time for a word of megabytes", () => {
  const started = performance.now();
  assert.equal(nearest("x".repeat(5e7), ["model", "optimizer"]), undefined);
  assert.ok(performance.now() - started < 1000);
});
