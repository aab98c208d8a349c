/**
 * Attention maps as pictures: what a block's heads attend to from the cls token or from a patch.
 *
 * @module
 */

import { tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import { UserError } from "../../core/errors.ts";
import { gridSize } from "../../models/beit_config.ts";
import { overHeat } from "../../report/heat_map.ts";
import { overPatches, type PictureSheet } from "../../report/picture_sheet.ts";
import type { LoadedEncoder } from "../../pipeline/weights/load_encoder.ts";
import type { ShownImages } from "./shown_images.ts";

/** Which attention to show. */
export interface AttentionChoice {
  /** Block, from 0. */
  readonly layer: number;
  /** Heads, from 0; null for all. */
  readonly heads: readonly number[] | null;
  /** The query patch, [row, column]; null for the cls token. */
  readonly patch: readonly [number, number] | null;
}

const frame = [255, 196, 0] as const;

/** Throws a `UserError` for a head or patch that a model does not have. */
function requireChoice({ heads, patch }: AttentionChoice, grid: number, count: number): void {
  const head = heads?.find((head) => !Number.isInteger(head) || head < 0 || head >= count);
  if (head !== undefined) {
    throw new UserError(`Cannot show head ${head}: the model has ${count} heads per block`, {
      hint: `give --head from 0 to ${count - 1}`,
    });
  }
  if (patch?.some((place) => !Number.isInteger(place) || place < 0 || place >= grid)) {
    throw new UserError(`Cannot show patch ${patch.join(",")}: there are ${grid} × ${grid}`, {
      hint: `give --patch rows and columns from 0 to ${grid - 1}`,
    });
  }
}

/**
 * A row for each image: the image, the mean of the heads, then each head. Colours range from the
 * smallest to the largest weight of a map; the cls token's own weight is left out.
 *
 * @throws UserError for a head or patch that the model does not have
 */
export async function attentionSheet(
  on: Context,
  { encoder, config }: LoadedEncoder,
  { batches }: ShownImages,
  choice: AttentionChoice,
): Promise<PictureSheet> {
  const grid = gridSize(config);
  requireChoice(choice, grid, config.heads);
  const { layer, patch } = choice;
  const heads = choice.heads ?? [...Array(config.heads).keys()];
  const query = patch === null ? 0 : 1 + patch[0] * grid + patch[1];
  const rows: PictureSheet["rows"][number][] = [];
  for (const { images, tensor } of batches) {
    const weights = on.backend.run(() =>
      tf.tidy(() => {
        const all = encoder.attentionWeights(on, tensor(), layer);
        const [size, heads] = all.shape;
        return tf.slice(all, [0, 0, query, 1], [size, heads!, 1, grid * grid]);
      })
    );
    const values = await weights.data() as Float32Array;
    weights.dispose();
    for (const [index, { id, picture }] of images.entries()) {
      const mapOf = (head: number) => {
        const first = (index * config.heads + head) * grid * grid;
        return values.subarray(first, first + grid * grid);
      };
      const mean = new Float32Array(grid * grid);
      for (const head of heads) {
        for (const [at, weight] of mapOf(head).entries()) mean[at] += weight / heads.length;
      }
      const marked = patch === null ? picture : overPatches(
        picture,
        grid,
        (at) => at === query - 1 ? { color: frame, share: 0.8 } : null,
      );
      const maps = [mean, ...heads.map(mapOf)].map((map) => overHeat(picture, grid, map));
      rows.push({ id, caption: id, pictures: [marked, ...maps] });
    }
  }
  const from = patch === null ? "the cls token" : `patch ${patch.join(",")}`;
  return {
    title: `Attention of block ${layer}`,
    explanation:
      `What ${from} attends to in block ${layer}: from a map's smallest weight, violet, ` +
      "to its largest, yellow.",
    columns: ["image", "mean of the heads", ...heads.map((head) => `head ${head}`)],
    rows,
    figures: {},
  };
}
