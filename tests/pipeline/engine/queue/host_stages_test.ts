import assert from "node:assert/strict";
import { BatchMaker } from "../../../../data/loader/batch_maker.ts";
import { Loader, type LoaderOptions } from "../../../../data/loader/loader.ts";
import { SamplePlan } from "../../../../data/loader/sample_plan.ts";
import { openSource } from "../../../../data/sources/open_source.ts";
import type { Source } from "../../../../data/sources/source.ts";
import { augment } from "../../../../pipeline/augment.ts";
import type { FileBatch, MaskedBatch, StepPlace } from "../../../../pipeline/batch.ts";
import { loaderQueue, stageQueue } from "../../../../pipeline/engine/queue.ts";
import { load } from "../../../../pipeline/load.ts";
import { mask } from "../../../../pipeline/mask.ts";
import { type HostStage, pipeline } from "../../../../pipeline/stage.ts";
import { photoTree, textBytes, withFolder } from "../../../data/_trees.ts";

const masks = { height: 6, width: 6, count: 14, minBlock: 4 };
const steps = 5;

const options = (source: Source): LoaderOptions => ({
  source,
  transform: {
    kind: "train",
    size: 24,
    tokenizerSize: 16,
    tokenizerInterpolation: "lanczos",
    scale: [0.2, 1],
    jitter: { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0 },
  },
  mask: masks,
  batch: 6,
  microBatch: 4,
  seed: 7,
  workers: 0,
});

function shown(batch: MaskedBatch) {
  const { size, pixels, tokenizerPixels, imageSize, tokenizerSize, labels, ids, indices, epoch } =
    batch;
  return {
    ...{ size, pixels, tokenizerPixels, imageSize, tokenizerSize, labels, ids, indices, epoch },
    mask: batch.mask,
  };
}

/** Every micro-batch of the first steps, by the workers' loader. */
async function byLoader(given: LoaderOptions) {
  const queue = loaderQueue(await Loader.open(given));
  const found = [];
  for (let step = 0; step < steps; step++) {
    for (const { microBatch } of new SamplePlan(given).batchesOf(step)) {
      found.push(shown(await queue.next(step, microBatch)));
    }
  }
  await queue.close();
  return found;
}

/** The same by the stages, one by one; `first` in place of `load`. */
async function byStages(given: LoaderOptions, first?: HostStage<StepPlace, FileBatch>) {
  const { mask: _, ...rest } = given;
  const maker = await BatchMaker.open(rest);
  const loading = {
    name: "load",
    run: (first ?? load({ ...given, keepsUnreadable: true })).run,
  } as const;
  const plan = new SamplePlan(given);
  const microBatches = (step: number) =>
    plan.batchesOf(step).map(({ position, count, share }) => ({ first: position, count, share }));
  const stages = pipeline(loading).to(augment(maker)).to(mask(masks, given.seed));
  const queue = stageQueue(stages, { seed: given.seed, microBatches, prefetch: 2 });
  try {
    const found = [];
    for (let step = 0; step < steps; step++) {
      for (const { microBatch } of plan.batchesOf(step)) {
        found.push(shown(await queue.next(step, microBatch)));
      }
    }
    return found;
  } finally {
    await queue.close();
    maker.close();
  }
}

Deno.test("load, augment and mask give bit by bit what the data workers give", () =>
  withFolder(async (root) => {
    await photoTree(root, 15);
    const given = options(await openSource(root));
    for (
      const change of [
        {},
        { workers: 2 },
        // Views come again in every second epoch, masks do not.
        { cropsPerImage: 2, batch: 15, microBatch: 15 },
        { dropsLast: false, rank: 1, ranks: 2 },
        { isShuffled: false },
      ]
    ) {
      const all = { ...given, ...change };
      assert.deepEqual(await byStages(all), await byLoader(all), JSON.stringify(change));
    }
  }));

Deno.test("load and augment replace unreadable files by those that the data workers take", () =>
  withFolder(async (root) => {
    await photoTree(root, 15, [3, 4, 8]);
    const source = await openSource(root);
    await Deno.remove(`${root}/even/02.jpg`);
    const skipped: string[][] = [[], []];
    const given = (list: string[]): LoaderOptions => ({
      ...options(source),
      onError: "skip",
      // libvips loses a reason where several broken files are decoded at once.
      decoder: "portable",
      onSkip: ({ id, message }) => list.push(`${id} ${message}`),
    });
    assert.deepEqual(await byStages(given(skipped[0])), await byLoader(given(skipped[1])));
    assert.deepEqual(skipped[0].sort(), skipped[1].sort());
    assert.deepEqual(
      skipped[0].map((line) => line.replaceAll(root, "").split(":")[0]),
      [
        'even/02.jpg Cannot read image "/even/02.jpg"',
        'even/04.jpg Cannot decode image "/even/04.jpg"',
        'even/08.jpg Cannot decode image "/even/08.jpg"',
        'odd/03.jpg Cannot decode image "/odd/03.jpg"',
      ],
    );
    await assert.rejects(
      byStages({ ...given([]), maxSkipped: 2 }),
      /more than data.maxSkipped=2 files failed/,
    );
  }));

Deno.test("load raises at a file that is gone as the data workers do", () =>
  withFolder(async (root) => {
    await photoTree(root, 15);
    const given = options(await openSource(root));
    await Deno.remove(`${root}/even/02.jpg`);
    const messages: string[] = [];
    for (const run of [byStages, byLoader]) {
      await assert.rejects(run(given), (error: Error) => messages.push(error.message) > 0);
    }
    assert.match(
      messages[0],
      /^Cannot read image ".*02\.jpg": .*; skip such files with --set/,
    );
    assert.equal(messages[0], messages[1]);
    // In front of a stage augment of one's own it says so itself.
    await assert.rejects(byStages(given, load(given)), /^UserError: Cannot read image "[^;]*$/);
  }));

Deno.test("a stage load of one's own has its broken files replaced by others of its batch", () =>
  withFolder(async (root) => {
    await photoTree(root, 15);
    const sound = Deno.readFileSync(`${root}/even/00.jpg`);
    const file = (index: number, bytes: Uint8Array) => ({ index, id: `${index}`, label: 0, bytes });
    const first = (broken: readonly number[]): HostStage<StepPlace, FileBatch> => ({
      name: "mine",
      run: ({ step, microBatch }) => ({
        epoch: step,
        files: [0, 1, 2, 3].map((slot) => {
          const index = 10 * microBatch + slot;
          return file(index, broken.includes(index) ? textBytes("no image") : sound);
        }),
      }),
    });
    const skipped: string[] = [];
    const given: LoaderOptions = {
      ...options(await openSource(root)),
      onError: "skip",
      onSkip: ({ id }) => skipped.push(id),
    };
    const found = await byStages(given, first([1, 3, 10]));
    assert.deepEqual(found.slice(0, 2).map(({ ids }) => ids.join()), ["0,2,2,0", "11,11,12,13"]);
    assert.deepEqual(skipped.sort(), ["1", "10", "3"]);
    await assert.rejects(
      byStages({ ...given, onError: "raise" }, first([1])),
      /Cannot decode image "1": .*; skip such files with --set data.onError=skip$/,
    );
    await assert.rejects(
      byStages(given, first([0, 1, 2, 3])),
      /no file of the data set can be decoded/,
    );
  }));

Deno.test("a stage before the queue knows its place in the step, and when the queue is closed", async () => {
  const seen: string[] = [];
  const stage: HostStage<StepPlace, number> = {
    name: "slow",
    run({ step }, { microBatch, microBatches, firstImage, generator, signal }) {
      seen.push(`${step}.${microBatch}/${microBatches} from ${firstImage}`);
      if (step === 0) return generator.bits();
      return new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    },
  };
  const parts = [{ first: 6, count: 4, share: 0.4 }, { first: 10, count: 2, share: 0.2 }];
  const queue = stageQueue(stage, { seed: 1, prefetch: 1, microBatches: () => parts });
  assert.notEqual(await queue.next(0, 0), await queue.next(0, 1), "draws of their own");
  const late = queue.next(1, 0);
  await queue.close();
  await assert.rejects(late, { name: "AbortError" });
  assert.deepEqual(seen.slice(0, 3), ["0.0/2 from 6", "0.1/2 from 10", "1.0/2 from 6"]);
});
