/**
 * How images are prepared for a checkpoint of any source.
 *
 * @module
 */

import { resolveWeights } from "../../checkpoints/download.ts";
import type { DownloadOptions } from "../../checkpoints/download.ts";
import { openModel } from "../../checkpoints/open_model.ts";
import { isOfRun, type Preparation, preparationFrom, preparationOf } from "../run/preparation.ts";

/**
 * As its run prepared them; else as the files beside its weights, or their metadata, say; else as BEiT
 * is evaluated.
 *
 * @throws UserError for a checkpoint that cannot be read, or whose files say what cannot be done
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
