import assert from "node:assert/strict";
import { plural } from "../../core/number_formats.ts";

Deno.test("plural() has one image, and any other number of images", () => {
  const nouns = [0, 1, 2].map((count) => plural(count, "image"));
  assert.deepEqual(nouns, ["images", "image", "images"]);
});
