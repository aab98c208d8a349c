import assert from "node:assert/strict";
import { type testedBackends, withBackend } from "../bench/parity/_backends.ts";
import { pretrain } from "../../methods/beit/method.ts";
import { tinyConfig, withFolder, writeTinyTokenizer } from "../tasks/_tiny.ts";

async function losses(name: typeof testedBackends[number], tokenizer: string) {
  const config = await tinyConfig(tokenizer, ["precision=float32", "optimizer.lr=1e-2"]);
  const found: number[] = [];
  await withBackend(name, async (backend) => {
    await pretrain(config, {
      backend,
      listener: (event) => {
        if (event.type === "step") found.push(event.metrics.loss);
      },
    });
  });
  return found;
}

Deno.test("ten steps have the same losses on every backend, and they fall", async () => {
  await withFolder(async (folder) => {
    const tokenizer = await writeTinyTokenizer(folder);
    const expected = await losses("reference", tokenizer);
    assert.equal(expected.length, 12);
    assert.ok(expected[11] < expected[0], `${expected}`);
    for (const name of ["cpu", "webgpu"] as const) {
      const found = await losses(name, tokenizer);
      for (const [step, loss] of found.slice(0, 10).entries()) {
        const difference = Math.abs(loss - expected[step]) / expected[step];
        assert.ok(difference < 1e-3, `${name}, step ${step + 1}: ${loss} and ${expected[step]}`);
      }
    }
  });
});
