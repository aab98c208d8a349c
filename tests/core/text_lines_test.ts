import assert from "node:assert/strict";
import { linesOf, withoutMark } from "../../core/text_lines.ts";

Deno.test("lines end as on any system, and a mark at the start is none of the text", () => {
  assert.deepEqual(linesOf("\ufeffa\r\nb\nc"), ["a", "b", "c"]);
  assert.deepEqual(linesOf("a\rb"), ["a\rb"]);
  assert.equal(withoutMark('\ufeff{"a":"\ufeff"}'), '{"a":"\ufeff"}');
});
