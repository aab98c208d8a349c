import assert from "node:assert/strict";
import { resolveConfig } from "../../methods/configs.ts";
import { single } from "../../distributed/single.ts";
import { decidingValues } from "../../pipeline/engine/resuming/config_hash.ts";
import { tinyOverrides, writeTinyTokenizer } from "../tasks/_tiny.ts";
import { writeTinyData, writeTinyModel } from "../tasks/_tiny_model.ts";
import { tinyTokenizerOverrides } from "../tasks/_tiny_tokenizer.ts";
import { type Job, type JobOutcome, runTask } from "../distributed/_jobs.ts";
import { mpiTest, programPath, runWell } from "../distributed/_mpirun.ts";

/** Of several ranks. */
interface SharedOutcome extends JobOutcome {
  /** Fingerprints of the parameters of each rank, checkpoint by checkpoint. */
  readonly prints: readonly (readonly string[])[];
}

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Runs jobs on one process, here, and on several ranks; each in folders of their own. */
async function compare(
  folder: string,
  ranks: number,
  jobs: readonly Omit<Job, "directory">[],
): Promise<[JobOutcome, SharedOutcome][]> {
  const placed = (name: string) =>
    jobs.map((job, index): Job => ({ ...job, directory: `${folder}/${name}-${index}` }));
  const { stdout } = await runWell(ranks, programPath("train"), [
    JSON.stringify(placed(`ranks-${ranks}`)),
  ]);
  const shared = JSON.parse(stdout) as SharedOutcome[];
  const pairs: [JobOutcome, SharedOutcome][] = [];
  for (const [index, job] of placed("alone").entries()) {
    pairs.push([await runTask(job, single), shared[index]]);
  }
  return pairs;
}

/** Asserts that losses agree, and that after every checkpoint all ranks had the same parameters. */
function assertSame(
  [alone, shared]: [JobOutcome, SharedOutcome],
  { steps, checkpoints }: { steps: number; checkpoints: number },
): void {
  assert.deepEqual(shared.warnings, alone.warnings);
  assert.equal(alone.losses.length, steps);
  assert.equal(shared.losses.length, steps);
  for (const [step, loss] of alone.losses.entries()) {
    const error = Math.abs(shared.losses[step] - loss) / Math.abs(loss);
    assert.ok(error < 1e-6, `step ${step + 1}: ${shared.losses[step]} is not ${loss} (${error})`);
  }
  assert.equal(shared.prints.length, checkpoints);
  for (const prints of shared.prints) assert.equal(new Set(prints).size, 1, prints.join(" "));
}

/** The same on the slow backend, for two ranks only. */
function onReference(ranks: number, job: Omit<Job, "directory">): Omit<Job, "directory">[] {
  if (ranks > 2) return [];
  return [{ ...job, overrides: [...job.overrides, "backend.name=reference"] }];
}

for (const ranks of [2, 3]) {
  mpiTest(
    `pretraining on ${ranks} ranks is that of one process`,
    () =>
      withFolder(async (folder) => {
        const overrides = [
          ...tinyOverrides(await writeTinyTokenizer(folder)),
          "batchSize=6",
          "schedule.steps=20",
          "checkpoint.everySteps=10",
          "model.dropPathRate=0.2",
          "optimizer.clipGradNorm=0.5",
        ];
        const [cpu, uneven, ...reference] = await compare(folder, ranks, [
          { task: "pretrain", overrides },
          {
            task: "pretrain",
            overrides: [
              ...overrides,
              // Several micro-batches and messages, and two images for three ranks at an epoch's end.
              `data.source=${writeTinyData(folder, { train: 11, val: 1 })}`,
              "batchSize=10",
              "microBatchSize=2",
              "data.dropLast=false",
              "distributed.bucketMegabytes=0.01",
              "distributed.overlap=false",
            ],
          },
          ...onReference(ranks, { task: "pretrain", overrides }),
        ]);
        for (const pair of [cpu, uneven, ...reference]) {
          assertSame(pair, { steps: 20, checkpoints: 2 });
        }
      }),
  );

  mpiTest(
    `training a tokenizer on ${ranks} ranks is that of one process`,
    () =>
      withFolder(async (folder) => {
        const overrides = [
          ...tinyTokenizerOverrides,
          "batchSize=6",
          "schedule.steps=20",
          "checkpoint.everySteps=10",
        ];
        const [cpu, means, ...reference] = await compare(folder, ranks, [
          { task: "tokenizer", overrides },
          { task: "tokenizer", overrides: [...overrides, "method=kMeans"] },
          ...onReference(ranks, { task: "tokenizer", overrides }),
        ]);
        for (const pair of [cpu, ...reference]) assertSame(pair, { steps: 20, checkpoints: 2 });
        assert.deepEqual(cpu[1].result.codebookUsage, cpu[0].result.codebookUsage);
        assert.deepEqual(means[1].result, means[0].result);
        const [alone, shared] = ["alone", `ranks-${ranks}`].map((name) =>
          Deno.readFileSync(`${folder}/${name}-1/tokenizer.safetensors`)
        );
        assert.deepEqual(shared, alone);
      }),
  );
}

mpiTest(
  "fine-tuning, probing and k-NN on 2 ranks are those of one process",
  () =>
    withFolder(async (folder) => {
      const data = writeTinyData(folder, { train: 12, val: 5 });
      const common = [
        `data.source=${data}`,
        "data.workers=0",
        "data.cacheBytes=0",
        "batchSize=6",
        "backend.name=cpu",
        "backend.threads=1",
        "checkpoint.everySteps=5",
      ];
      const model = ["imageSize=16", "embedDim=16", "depth=2", "heads=2", "mlpRatio=2"]
        .map((key) => `model.${key}`);
      const pretrained = await writeTinyModel(folder);
      const [finetuned, probed] = await compare(folder, 2, [
        {
          task: "finetune",
          overrides: [
            ...common,
            ...model,
            "augment.testResize=18",
            "augment.mixing=null",
            "model.dropPathRate=0.1",
            "schedule.steps=10",
            "ema={}",
          ],
        },
        {
          task: "linearProbe",
          overrides: [
            ...common,
            `pretrained=${pretrained}`,
            "augment.size=16",
            "probe.epochs=2",
            "probe.lr=0.02",
            "probe.batchNorm=false",
          ],
        },
      ]);
      assertSame(finetuned, { steps: 10, checkpoints: 4 });
      assertSame(probed, { steps: 8, checkpoints: 2 });
      const accuracies = ({ result }: JobOutcome) => {
        const { loss: _, ...rest } = result;
        return rest;
      };
      assert.deepEqual(accuracies(finetuned[1]), accuracies(finetuned[0]));
      assert.deepEqual(accuracies(probed[1]), accuracies(probed[0]));

      const job: Job = { task: "knn", overrides: [], directory: `${folder}/alone-0` };
      const { stdout } = await runWell(2, programPath("train"), [JSON.stringify([job])]);
      const [shared] = JSON.parse(stdout) as SharedOutcome[];
      assert.deepEqual(shared.result, (await runTask(job, single)).result);
    }),
);

Deno.test("how gradients travel is no part of what a run is, but for their rounding", async () => {
  const hashed = async (...overrides: string[]) => {
    const { config } = await resolveConfig({ task: "pretrain", overrides });
    return decidingValues(config);
  };
  assert.deepEqual(await hashed("distributed.overlap=false"), await hashed());
  assert.notDeepEqual(await hashed("distributed.wire=float16"), await hashed());
});
