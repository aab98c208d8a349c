import assert from "node:assert/strict";
import { Session, terminalTest } from "./_terminal.ts";

terminalTest("a terminal that does not know its size has lines of the usual width", async () => {
  const { raw, code } = await new Session(
    "sh -c 'stty cols 0 rows 0; deno task pretrain --precision float99'",
  ).end();
  assert.equal(code, 2, raw);
  assert.match(raw, /"--precision": Expected one of "auto"/, raw);
});
