import assert from "node:assert/strict";
import { UserError } from "../../../core/errors.ts";
import { shapesSource } from "../../../data/sources/shapes_source.ts";
import type { RunEvent } from "../../../pipeline/engine/events.ts";
import { segment } from "../../../methods/segment/method.ts";
import { withFolder } from "../../tasks/_tiny.ts";
import { tinySegment } from "../../tasks/_tiny_segment.ts";

/** Made pictures in ADE20K's layout; those to test on have a broken image and a broken label map. */
async function writeData(folder: string): Promise<string> {
  for (const [split, count] of [["training", 4], ["validation", 5]] as const) {
    const source = shapesSource(count, 3);
    for (const part of ["images", "annotations"]) {
      Deno.mkdirSync(`${folder}/${part}/${split}`, { recursive: true });
    }
    for (let index = 0; index < count; index++) {
      Deno.writeFileSync(`${folder}/images/${split}/${index}.ppm`, await source.read(index));
      const labels = await source.annotations!.read(index);
      Deno.writeFileSync(`${folder}/annotations/${split}/${index}.pgm`, labels);
    }
  }
  Deno.writeTextFileSync(`${folder}/images/validation/1.ppm`, "no image");
  Deno.writeTextFileSync(`${folder}/annotations/validation/3.pgm`, "no labels");
  return folder;
}

Deno.test("data.onError reaches the images that segmentation is tested on", async () => {
  await withFolder(async (folder, backend) => {
    const data = [
      `data.source=${await writeData(`${folder}/data`)}`,
      "schedule.steps=2",
      "schedule.warmupSteps=0",
      "segmentation.classes=auto",
    ];
    const raising = await tinySegment([...data, "data.onError=raise"]);
    await assert.rejects(segment(raising, { backend, directory: `${folder}/raise` }), (error) => {
      assert.ok(error instanceof UserError, `${error}`);
      assert.match(
        error.message,
        /validation\/1\.ppm.*; skip such files with --set data\.onError=skip$/,
      );
      return true;
    });

    const events: RunEvent[] = [];
    const skipping = await tinySegment([...data, "data.onError=skip"]);
    const directory = `${folder}/skip`;
    const { mIoU, labels } = await segment(skipping, {
      backend,
      directory,
      listener: (event) => void events.push(event),
    });
    assert.ok(mIoU! > 0, `${mIoU}`);
    // 48 × 48 px of each of the three that can be read.
    assert.equal(labels.reduce((sum, { pixels }) => sum + pixels, 0), 3 * 48 * 48);
    const skipped = events.flatMap((event) =>
      event.type === "warning" && event.kind === "unreadableImage" ? [event.file!.id] : []
    );
    assert.deepEqual(skipped.map((id) => id.split("/").at(-1)), ["1.ppm", "3.ppm"]);

    const few = await tinySegment([...data, "data.onError=skip", "data.maxSkipped=1"]);
    await assert.rejects(
      segment(few, { backend, directory: `${folder}/few` }),
      /more than data\.maxSkipped=1 files failed, .*; allow more with --set data\.maxSkipped=102$/,
    );
  });
});
