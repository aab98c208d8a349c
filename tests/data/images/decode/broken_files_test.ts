import assert from "node:assert/strict";
import { createImageDecoder } from "../../../../data/images/decode.ts";

Deno.test("broken files have a reason, however many are met at once", async () => {
  const decoder = await createImageDecoder({ native: true });
  const whole = await Deno.readFile(
    new URL("../../../fixtures/images/photo_500x375.jpg", import.meta.url),
  );
  const cutOff = whole.subarray(0, whole.length >> 1);
  for (let round = 0; round < 8; round++) {
    const decoded = Array.from({ length: 32 }, () => decoder.decode(cutOff, "cut.jpg"));
    for (const outcome of await Promise.allSettled(decoded)) {
      assert.equal(outcome.status, "rejected");
      assert.match(String(outcome.reason), /"cut\.jpg": .*(premature end|corrupt or truncated)/);
    }
  }
});
