import assert from "node:assert/strict";
import { UserError } from "../../core/errors.ts";

Deno.test("an endless path in a message loses its middle, and nothing else does", () => {
  const { message } = new UserError(`Cannot read "${"x".repeat(5000)}.txt": too long`, {
    hint: "check data.exclude",
  });
  assert.match(message, /^Cannot read "x{199}…x+\.txt": too long; check data\.exclude$/);
  assert.ok(message.length < 350);
  const path = `/${"folder/".repeat(60)}image.png`;
  assert.equal(new UserError(`Cannot read "${path}"`).message, `Cannot read "${path}"`);
});
