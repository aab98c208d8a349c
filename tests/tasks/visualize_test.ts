import assert from "node:assert/strict";
import { UserError } from "../../core/errors.ts";
import type { PictureSheet } from "../../report/picture_sheet.ts";
import type { RgbPicture } from "../../report/png.ts";
import { visualize } from "../../tasks/visualize/visualize.ts";
import { tinyConfig, withFolder, writeTinyTokenizer } from "./_tiny.ts";
import { writeTinyData, writeTinyModel } from "./_tiny_model.ts";

/** The colour in the middle of each patch. */
function patchColors({ width, data }: RgbPicture, grid: number): string[] {
  return Array.from({ length: grid * grid }, (_, patch) => {
    const middle = (place: number) => Math.floor((place + 0.5) * width / grid);
    const at = (middle(Math.floor(patch / grid)) * width + middle(patch % grid)) * 3;
    return data.subarray(at, at + 3).join();
  });
}

function pictureAt(sheet: PictureSheet, row: number, column: string): RgbPicture {
  const index = sheet.columns.findIndex((name) => name.startsWith(column));
  assert.ok(index >= 0, `${column} of ${sheet.columns}`);
  return sheet.rows[row].pictures[index];
}

Deno.test("visualize() draws masks of the wanted size and two views of one crop", async () => {
  await withFolder(async (folder) => {
    const config = await tinyConfig(await writeTinyTokenizer(folder), [
      `data.source=${writeTinyData(folder)}`,
      "augment.tokenizerSize=8",
    ]);
    const sheets = await visualize({ show: ["masks", "views"], config, count: 4, draws: 2 });
    const [masks, views] = [sheets.get("masks")!, sheets.get("views")!];
    assert.deepEqual(masks.columns, ["image", "mask 1", "mask 2"]);
    // Spread over the class folders.
    const ids = masks.rows.map(({ id }) => id.split("/")[1]);
    assert.deepEqual(ids, ["bright", "bright", "dark", "dark"]);
    const seen = new Set<string>();
    for (let row = 0; row < 4; row++) {
      for (const draw of [1, 2]) {
        const view = pictureAt(views, row, `encoder ${draw}`);
        const masked = pictureAt(masks, row, `mask ${draw}`);
        const plain = patchColors(view, 4);
        const covered = patchColors(masked, 4).map((color, patch) => color !== plain[patch]);
        assert.equal(covered.filter((is) => is).length, config.mask.maskedPatches);
        seen.add(covered.join());
        const other = pictureAt(views, row, `tokenizer ${draw}`);
        assert.deepEqual([view.width, other.width], [16, 8]);
        const mean = ({ data }: RgbPicture) => data.reduce((sum, n) => sum + n, 0) / data.length;
        assert.ok(Math.abs(mean(view) - mean(other)) < 4, "both views are of one crop");
      }
    }
    assert.ok(seen.size > 4, "masks are drawn anew");
  });
});

Deno.test("visualize() maps the attention of a head, the mean, and the patch that looks", async () => {
  await withFolder(async (folder, backend) => {
    const options = {
      checkpoint: await writeTinyModel(folder),
      images: [writeTinyData(folder)],
      show: ["attention"] as const,
      count: 3,
      batch: 2,
      data: { workers: 0 },
      backend,
    };
    const before = backend.memory().tensors;
    const all = (await visualize(options)).get("attention")!;
    assert.deepEqual(all.columns, ["image", "mean of the heads", "head 0", "head 1"]);
    assert.equal(all.rows.length, 3);
    const one = (await visualize({ ...options, heads: [1], layer: -1, patch: [3, 0] }))
      .get("attention")!;
    assert.deepEqual(one.columns, ["image", "mean of the heads", "head 1"]);
    // Of one head, the mean is that head's.
    assert.deepEqual(one.rows[2].pictures[1], one.rows[2].pictures[2]);
    const [plain, marked] = [all, one].map((sheet) => patchColors(sheet.rows[0].pictures[0], 4));
    assert.deepEqual(plain.flatMap((color, at) => color === marked[at] ? [] : [at]), [12]);
    const other = (await visualize({ ...options, heads: [1], layer: 0, patch: [3, 0] }))
      .get("attention")!;
    assert.notDeepEqual(one.rows[0].pictures[2], other.rows[0].pictures[2]);
    assert.equal(backend.memory().tensors, before);
  });
});

Deno.test("visualize() gives patches that are alike one colour, and unlike ones another", async () => {
  await withFolder(async (folder, backend) => {
    const sheet = (await visualize({
      checkpoint: await writeTinyModel(folder),
      images: [writeTinyData(folder)],
      show: ["pca"],
      count: 4,
      data: { workers: 0 },
      backend,
    })).get("pca")!;
    const shares = Object.values(sheet.figures);
    assert.ok(shares[0] > 0.5 && shares[0] > shares[1] && shares[1] >= shares[2], `${shares}`);
    const light = (row: number) =>
      pictureAt(sheet, row, "component 1,").data.reduce((sum, n) => sum + n, 0);
    const [bright, dark] = [[light(0), light(1)], [light(2), light(3)]];
    assert.ok(
      Math.min(...bright) > Math.max(...dark) || Math.min(...dark) > Math.max(...bright),
      "the first component is that of brightness",
    );
  });
});

Deno.test("mistakes in visualize() name what is there", async () => {
  await withFolder(async (folder, backend) => {
    const checkpoint = await writeTinyModel(folder);
    const fails = async (options: Parameters<typeof visualize>[0], message: RegExp) =>
      await assert.rejects(visualize({ backend, ...options }), (error: Error) => {
        assert.ok(error instanceof UserError, `${error.stack}`);
        assert.match(error.message, message);
        return true;
      });
    const images = [writeTinyData(folder)];
    await fails({ show: ["pca"] }, /Cannot draw pca: no model .*--checkpoint/);
    await fails({ show: ["views"], checkpoint, images }, /Cannot draw views: .*--config/);
    const attention = { show: ["attention"] as const, checkpoint, images, data: { workers: 0 } };
    await fails({ ...attention, layer: 2 }, /has 2 blocks/);
    await fails({ ...attention, heads: [2] }, /Cannot show head 2: the model has 2 heads/);
    await fails({ ...attention, patch: [4, 0] }, /Cannot show patch 4,0: there are 4 × 4/);
  });
});
