import assert from "node:assert/strict";
import { contentPolicy } from "../../playground/headers.ts";

Deno.test("the page's own policy is the one that the server sends", async () => {
  const page = await Deno.readTextFile(
    new URL("../../playground/index.html", import.meta.url),
  );
  const [, policy] = /http-equiv="Content-Security-Policy"\s+content="([^"]+)"/.exec(page)!;
  assert.equal(policy, contentPolicy);
});
