import assert from "node:assert/strict";
import { CodeSheet } from "../../../playground/studio/code_sheet.ts";

Deno.test("a picture that is taken away no longer shows in its codes", () => {
  const sheet = new CodeSheet({ codes: 2, imageSize: 2, patchSize: 1 });
  const image = (value: number) => new Uint8Array(12).fill(value);
  sheet.add("a", image(10), Int32Array.of(0, 0, 1, 1));
  sheet.add("b", image(30), Int32Array.of(0, 0, 0, 0));
  sheet.add("b", image(90), Int32Array.of(1, 1, 1, 1));
  assert.deepEqual(sheet.view(0).mean?.data, new Uint8Array(3).fill(23));
  assert.equal(sheet.view(0).count, 6);
  sheet.remove("b");
  sheet.remove("c");
  assert.deepEqual(sheet.view(0).mean?.data, new Uint8Array(3).fill(10));
  assert.deepEqual([0, 1].map((code) => sheet.view(code).count), [2, 2]);
  assert.equal(sheet.view(0).patches.length, 1);
  sheet.remove("a");
  assert.equal(sheet.view(0).mean, null);
});
