/**
 * How images are preprocessed for a checkpoint from any source.
 *
 * @module
 */

import { resolveWeights } from "../../checkpoints/hub/download.ts";
import type { DownloadOptions } from "../../checkpoints/hub/download.ts";
import { openModel } from "../../checkpoints/open_model.ts";
import type { Preprocessing } from "../../checkpoints/hub/preprocessing.ts";
import type { RunListener } from "../engine/events.ts";
import { normalizations } from "./normalizations.ts";
import { isOfRun, type Preparation, preparationFrom, preparationOf } from "./preparation.ts";

/**
 * As its run preprocessed them; otherwise as the files next to its weights, or their metadata, say; otherwise
 * as BEiT is evaluated.
 *
 * @throws UserError for a checkpoint that cannot be read, or whose files ask for something unsupported
 */
export async function checkpointPreparation(
  checkpoint: string,
  downloads: DownloadOptions = {},
): Promise<Preparation> {
  const path = await resolveWeights(checkpoint, downloads);
  if (isOfRun(path)) return preparationOf(path);
  const model = await openModel(path);
  model.close();
  const { preprocessing } = model;
  return preprocessing === undefined ? preparationOf(path) : preparationFrom(preprocessing);
}

/** Says so if a training normalises its images differently from what its checkpoint's files declare. */
export function noteNormalization(
  declared: Preprocessing | undefined,
  name: keyof typeof normalizations,
  listener: RunListener,
): void {
  if (declared === undefined) return;
  const { mean, std } = preparationFrom(declared).normalization;
  const isSame = (other: keyof typeof normalizations) => {
    const { mean: otherMean, std: otherStd } = normalizations[other];
    return [...otherMean, ...otherStd].every((value, i) =>
      Math.abs(value - [...mean, ...std][i]) < 0.1
    );
  };
  if (isSame(name)) return;
  const names = Object.keys(normalizations) as (keyof typeof normalizations)[];
  const fitting = names.find(isSame);
  const shares = (values: readonly number[]) => values.map((x) => (x / 255).toFixed(3)).join(", ");
  listener({
    type: "note",
    message: `The checkpoint was trained with the channel means ${shares(mean)} and deviations ` +
      `${shares(std)}, and augment.normalization is ${name}` +
      (fitting === undefined ? "" : `: --set augment.normalization=${fitting} uses its own`),
  });
}
