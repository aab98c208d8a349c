import assert from "node:assert/strict";
import { keptOrMeasured } from "../../core/measurement_store.ts";

const read = (kept: unknown) => typeof kept === "number" ? kept : null;

Deno.test("a measurement is made once, and again where what is kept is not one", async () => {
  const store = new Map<string, unknown>();
  let count = 0;
  const measure = () => Promise.resolve(++count);
  const get = (key: string) => keptOrMeasured({ key, read, measure }, store);
  assert.deepEqual([await get("a"), await get("a"), await get("b")], [1, 1, 2]);
  store.set("a", "spoiled");
  assert.deepEqual([await get("a"), await get("a")], [3, 3]);
});
