import assert from "node:assert/strict";
import { createBackend } from "../../../../backends/mod.ts";
import type { StepMetrics } from "../../../../pipeline/engine/events.ts";
import { pretrain } from "../../../../methods/beit/method.ts";
import { tinyConfig, withFolder, writeTinyTokenizer } from "../../../tasks/_tiny.ts";

async function steps(tokenizer: string, overrides: string[]): Promise<StepMetrics[]> {
  const { backend } = await createBackend("reference");
  const found: StepMetrics[] = [];
  await pretrain(await tinyConfig(tokenizer, overrides), {
    backend,
    listener: (event) => {
      if (event.type === "step") found.push(event.metrics);
    },
  });
  await backend.dispose();
  return found;
}

Deno.test("amp rounds to float16, skips overflowing steps, halves the scale and recovers", async () => {
  await withFolder(async (folder) => {
    const tokenizer = await writeTinyTokenizer(folder);
    const exact = await steps(tokenizer, ["precision=float32", "schedule.maxSteps=3"]);
    assert.deepEqual(exact.map(({ lossScale }) => lossScale), [1, 1, 1]);

    const overflowing = ["precision=amp", "schedule.maxSteps=8", "lossScale.growthInterval=3"];
    const mixed = await steps(tokenizer, [...overflowing, `lossScale.initial=${2 ** 22}`]);
    assert.ok(Math.abs(mixed[0].loss - exact[0].loss) < 2e-2 * exact[0].loss);
    assert.notEqual(mixed[0].loss, exact[0].loss);
    assert.equal(mixed[0].skipped, true);
    assert.equal(mixed[0].gradNorm, null);
    const recovered = mixed.findIndex(({ skipped }) => !skipped);
    assert.ok(recovered > 0, "no step was good");
    for (let step = 1; step <= recovered; step++) {
      assert.equal(mixed[step].lossScale, mixed[step - 1].lossScale / 2);
    }
    assert.ok(mixed[recovered].gradNorm! > 0);
  });
});

Deno.test("auto is float32 on the reference backend: mixed precision is imitated there", async () => {
  await withFolder(async (folder) => {
    const [first] = await steps(await writeTinyTokenizer(folder), ["schedule.maxSteps=1"]);
    assert.equal(first.lossScale, 1);
  });
});
