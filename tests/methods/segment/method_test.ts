import assert from "node:assert/strict";
import type { SegmentConfig } from "../../../methods/segment/config.ts";
import { openModel } from "../../../checkpoints/open_model.ts";
import { UserError } from "../../../core/errors.ts";
import { shapesSource } from "../../../data/sources/shapes_source.ts";
import { planSegmentation } from "../../../methods/segment/plan.ts";
import { startSegmenter } from "../../../methods/segment/model.ts";
import { runSegment, tinySegment } from "../../tasks/_tiny_segment.ts";
import { withFolder } from "../../tasks/_tiny.ts";
import { writeTinyModel } from "../../tasks/_tiny_model.ts";

/** Writes made pictures as ADE20K has them, labels moved up by one; gives the folder. */
async function writeLayout(
  folder: string,
  counts = { training: 6, validation: 3 },
): Promise<string> {
  for (const [split, count] of Object.entries(counts)) {
    const source = shapesSource(count, split.length);
    for (const part of ["images", "annotations"]) {
      Deno.mkdirSync(`${folder}/${part}/${split}`, { recursive: true });
    }
    for (let index = 0; index < count; index++) {
      Deno.writeFileSync(`${folder}/images/${split}/${index}.ppm`, await source.read(index));
      const labels = await source.annotations!.read(index);
      const reduced = labels.map((value, at) => at < labels.length - 48 * 48 ? value : value + 1);
      Deno.writeFileSync(`${folder}/annotations/${split}/${index}.pgm`, reduced);
    }
  }
  return folder;
}

/** What learns in a few seconds. */
const learning = [
  "model.embedDim=32",
  "segmentation.channels=16",
  "augment.photometricDistortion=false",
  "optimizer.lr=4e-3",
  "schedule.warmupSteps=5",
  "batchSize=8",
];

for (const head of ["upernet", "linear"] as const) {
  Deno.test(`segment() with ${head} learns shapes: far above the untrained model and the most frequent class`, async () => {
    await withFolder(async (folder, backend) => {
      const data = await writeLayout(`${folder}/made`, { training: 100, validation: 16 });
      const config = await tinySegment([
        `data.source=${data}`,
        `segmentation.head=${head}`,
        "segmentation.reduceZeroLabel=true",
        "schedule.steps=120",
        "evaluateEverySteps=120",
        ...learning,
      ]);
      const optimizer = { ...config.optimizer, lr: 1e-12 };
      const schedule = { ...config.schedule, maxSteps: 1 };
      const untrained = await runSegment({ ...config, optimizer, schedule }, { backend });
      const directory = `${folder}/run`;
      const { losses, result } = await runSegment(config, { backend, directory });
      assert.equal(losses.length, 120);
      const { mIoU, aAcc, labels, best } = result;
      const background = labels[0].pixels / labels.reduce((sum, { pixels }) => sum + pixels, 0);
      const majority = background / labels.length;
      const note = JSON.stringify({ mIoU, aAcc, majority, untrained: untrained.result.mIoU });
      assert.ok(mIoU! > majority + 0.2 && mIoU! > untrained.result.mIoU! + 0.2, note);
      assert.ok(aAcc! > background + 0.04, note);
      assert.equal(best?.step, 120);
      const model = await openModel(`${directory}/best.safetensors`);
      assert.equal(model.kind, "encoder");
      model.close();
    });
  });
}

Deno.test("a segmentation stopped after step 7 goes on to bitwise the same losses and model", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinySegment([
      `pretrained=${await writeTinyModel(folder)}`,
      "model.dropPathRate=0.2",
      "segmentation.dropout=0.3",
      "microBatchSize=2",
    ]);
    const source = shapesSource(30, 5);
    const whole = await runSegment(config, { backend, source, directory: `${folder}/whole` });
    const directory = `${folder}/run`;
    const stop = new AbortController();
    const first = await runSegment(config, {
      backend,
      source,
      directory,
      signal: stop.signal,
      listener: (event) => {
        if (event.type === "step" && event.metrics.step === 6) stop.abort();
      },
    });
    assert.ok(first.result.interrupted && first.losses.length < 12);
    const before = backend.memory().tensors;
    // The weights are those of the checkpoint: the pretrained file is not needed any more.
    Deno.removeSync(`${folder}/model.safetensors`);
    const rest = await runSegment(config, { backend, source, directory });
    assert.equal(backend.memory().tensors, before);
    assert.deepEqual([...first.losses, ...rest.losses], whole.losses);
    const { directory: _, ...result } = rest.result;
    const { directory: __, ...wanted } = whole.result;
    assert.deepEqual(result, wanted);
    const bytes = (name: string) => Deno.readFileSync(`${folder}/${name}/best.safetensors`);
    assert.deepEqual(bytes("run"), bytes("whole"));
  });
});

Deno.test("a segmenter starts from the pretrained encoder, its tables fitted to the larger image", async () => {
  await withFolder(async (folder) => {
    const config = await tinySegment([
      `pretrained=${await writeTinyModel(folder)}`,
      "model.imageSize=32",
      "augment.size=32",
    ]);
    const { shape, initialise } = await startSegmenter(config, 4, () => {});
    assert.equal(shape.encoder.imageSize, 32);
    const spec = { shape: [15 ** 2 + 3, 2] };
    const [first, second] = [0, 1].map((block) =>
      initialise({ name: `blocks.${block}.attn.relative_position_bias_table`, ...spec })
    );
    assert.deepEqual(first, second);
    assert.ok(first.some((value) => Math.abs(value) > 0.1));
  });
});

Deno.test("segmentation is planned, and its mistakes are one-line errors that name the way out", async () => {
  await withFolder(async (folder, backend) => {
    const data = await writeLayout(`${folder}/made`);
    const base = [`data.source=${data}`, "segmentation.classes=auto"];
    const config = await tinySegment(base);
    const plan = await planSegmentation(config);
    // With label 0 counted: the raised labels go from 1 to 4.
    assert.deepEqual([plan.images, plan.classes, plan.totalSteps, plan.patches], [6, 5, 12, 16]);
    const fails = async (changed: SegmentConfig, message: RegExp) =>
      await assert.rejects(runSegment(changed, { backend }), (error: Error) => {
        assert.ok(error instanceof UserError, `${error.stack}`);
        assert.match(error.message, message);
        return true;
      });
    await fails(await tinySegment([...base, "segmentation.classes=3"]), /has class \d, and/);
    await fails(await tinySegment([...base, "segmentation.outBlocks=[0,1,2,3]"]), /block 2/);
    await fails(await tinySegment(["data.source=nowhere"]), /nowhere\/images/);
    Deno.removeSync(`${data}/annotations/training/3.pgm`);
    await fails(config, /label map of ".*3.ppm"/);
    Deno.writeFileSync(`${data}/annotations/training/3.ppm`, await shapesSource(1, 1).read(0));
    await fails(config, /found colours/);
  });
});
