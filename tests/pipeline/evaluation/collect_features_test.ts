import assert from "node:assert/strict";
import { resolveConfig } from "../../../methods/configs.ts";
import { batchesOf } from "../../../pipeline/evaluation/collect_features.ts";
import { openTrainingSource } from "../../../pipeline/images/data_sources.ts";
import { withFolder } from "../../tasks/_tiny.ts";
import { writeTinyData } from "../../tasks/_tiny_model.ts";

Deno.test("an unreadable image is left out of a pass over all, and none comes in its place", async () => {
  await withFolder(async (folder) => {
    const data = writeTinyData(folder);
    const images = `${data}/train`;
    // At the start, at the end, and as a whole batch of two.
    for (const name of ["bright/0", "bright/10", "bright/11", "dark/9"]) {
      Deno.writeTextFileSync(`${images}/${name}.pgm`, "no image");
    }
    const { config } = await resolveConfig({
      task: "finetune",
      overrides: [`data.source=${images}`, "data.workers=0", "data.onError=skip"],
    });
    const source = await openTrainingSource(config.data);
    const wanted = Array.from({ length: source.length }, (_, index) => source.entry(index))
      .filter(({ id }) => !/bright\/(0|10|11)\.|dark\/9\./.test(id));
    for (const batch of [2, 5, 100]) {
      const found: { id: string; label: number }[] = [];
      const options = {
        ...{ data: config.data, batch, listener: () => {} },
        transform: { kind: "test", size: 8, resize: 8 } as const,
      };
      for await (const { size, ids, labels, pixels } of batchesOf(source, options)) {
        assert.deepEqual([ids.length, labels.length, pixels.length], [
          size,
          size,
          size * 8 * 8 * 3,
        ]);
        for (const [slot, id] of ids.entries()) {
          found.push({ id, label: labels[slot] });
          // Bright images have levels from 190 on, dark ones to 60.
          assert.equal(pixels[slot * 192] > 128, id.includes("bright"), id);
        }
      }
      assert.deepEqual(found, wanted.map(({ id, label }) => ({ id, label })), `${batch}`);
    }
    source.close?.();
  });
});
