import assert from "node:assert/strict";
import { OutOfMemoryError } from "../../../core/errors.ts";
import type { RunListener } from "../../../pipeline/engine/events.ts";
import { pretrain } from "../../../methods/beit/method.ts";
import { withSmallerMicroBatches } from "../../../pipeline/engine/smaller_micro_batches.ts";
import type { RunOptions } from "../../../pipeline/engine/run_options.ts";
import { hasAdapter } from "../../backends/webgpu/_adapter.ts";
import { tinyConfig, withFolder, writeTinyTokenizer } from "../../tasks/_tiny.ts";

const tooMuch = () => Promise.reject(new OutOfMemoryError("Cannot allocate 5 MiB"));

Deno.test("a run out of memory is tried with half the images, down to one", async () => {
  const tried: (number | undefined)[] = [];
  const warnings: string[] = [];
  const listener: RunListener = (event) => {
    if (event.type === "warning") warnings.push(event.message);
  };
  const run = ({ mostMicroBatch, onMicroBatch }: RunOptions) => {
    tried.push(mostMicroBatch);
    onMicroBatch?.(Math.min(12, mostMicroBatch ?? 12));
    return tooMuch();
  };
  await assert.rejects(
    withSmallerMicroBatches({ microBatchSize: "auto" }, { listener }, run),
    OutOfMemoryError,
  );
  assert.deepEqual(tried, [undefined, 6, 3, 1]);
  assert.match(warnings[0], /Cannot allocate 5 MiB.*Trying again with at most 6 images at a time/);
});

Deno.test("a micro-batch that was asked for is not changed, nor another error caught", async () => {
  let runs = 0;
  const fail = () => (runs++, tooMuch());
  await assert.rejects(withSmallerMicroBatches({ microBatchSize: 4 }, {}, fail), OutOfMemoryError);
  const broken = () => (runs++, Promise.reject(new TypeError("no")));
  await assert.rejects(withSmallerMicroBatches({ microBatchSize: "auto" }, {}, broken), TypeError);
  assert.equal(runs, 2);
});

Deno.test({
  name: "webgpu with little memory ends up with a micro-batch that fits, and the same losses",
  ignore: !hasAdapter,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    await withFolder(async (folder) => {
      const tokenizer = await writeTinyTokenizer(folder);
      const run = async (overrides: string[]) => {
        const base = ["backend.name=webgpu", "precision=float32", "schedule.maxSteps=2"];
        const config = await tinyConfig(tokenizer, [...base, "batchSize=16", ...overrides]);
        const losses: number[] = [];
        const used: number[] = [];
        await pretrain(config, {
          onMicroBatch: (images) => void used.push(images),
          listener: (event) => {
            if (event.type === "step") losses.push(event.metrics.loss);
          },
        });
        return { losses, used };
      };
      const roomy = await run([]);
      assert.deepEqual(roomy.used, [16]);
      const tight = await run([`backend.memory=${1.2 / 1024}`]);
      assert.ok(tight.used.at(-1)! < 16, `${tight.used}`);
      assert.equal(tight.losses.length, 2);
      for (const [step, loss] of tight.losses.entries()) {
        assert.ok(Math.abs(loss / roomy.losses[step] - 1) < 1e-4, `${loss}`);
      }
    });
  },
});
