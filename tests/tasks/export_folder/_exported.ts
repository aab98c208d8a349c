/** A classifier exported as a folder, and what transformers.js is to find with it. */
import assert from "node:assert/strict";
import { encodePng, type RgbPicture } from "../../../report/png.ts";
import { classNamesOfRun, hubPreprocessing } from "../../../pipeline/images/preparation.ts";
import { runFinetune, tinyFinetune } from "../_tiny_finetune.ts";
import { withFolder } from "../_tiny.ts";
import { exportFolder, type ExportFolderOptions } from "../../../tasks/export_folder.ts";
import { type Guess, predict } from "../../../tasks/predict.ts";
import type { TestedOn } from "../../../tasks/measure_variants.ts";
import type { ExportedVariant } from "../../../tasks/model_card.ts";

/** As large as the run's images before their crop: nothing is resized, in which libraries differ. */
function picture(): RgbPicture {
  const side = 18;
  const data = Uint8Array.from({ length: side * side * 3 }, (_, i) => 128 + 127 * Math.sin(i / 7));
  return { width: side, height: side, data };
}

/** In the folder `parent`: `hub`, made from a run, and `photo.png`. */
export interface Exported {
  readonly parent: string;
  readonly run: string;
  /** The run's own accuracy. */
  readonly top1: number;
  readonly classNames: readonly string[];
  readonly variants: readonly ExportedVariant[];
  readonly tested: TestedOn | null;
  /** The five best classes of the photo, by `predict`. */
  readonly guesses: readonly Guess[];
}

/** A class and its probability, as transformers.js gives them. */
export interface Found {
  readonly label: string;
  readonly score: number;
}

/** Exports a tiny classifier of the bundled clothes for `work`; everything is removed after. */
export async function withExported(
  work: (exported: Exported) => Promise<void>,
  options: ExportFolderOptions = {},
): Promise<void> {
  await withFolder(async (parent, backend) => {
    const run = `${parent}/run`;
    const config = await tinyFinetune("sample", [
      "precision=float32",
      "batchSize=32",
      "schedule.steps=60",
      "optimizer.lr=1e-2",
      "evaluateEveryEpochs=9",
    ]);
    const { result } = await runFinetune(config, { backend, directory: run });
    const classNames = classNamesOfRun(run)!;
    const preprocessing = hubPreprocessing(run)!;
    const { variants, tested } = await exportFolder(run, `${parent}/hub`, {
      ...{ ...options, classNames, preprocessing },
    });
    const photo = `${parent}/photo.png`;
    await Deno.writeFile(photo, await encodePng(picture()));
    const [{ guesses }] = await predict({ checkpoint: run, backend, images: [photo], top: 5 });
    await work({ parent, run, top1: result.top1!, classNames, variants, tested, guesses });
  });
}

/** How far a probability may be from `predict`'s in each number format. */
const tolerances = { fp32: 1e-6, fp16: 2e-4, q8: 2e-3 };

/** Compares classes and probabilities. */
export function assertSame(
  found: readonly Found[],
  guesses: readonly Guess[],
  dtype: ExportedVariant["dtype"],
): void {
  assert.deepEqual(found.map(({ label }) => label), guesses.map(({ name }) => name), dtype);
  const apart = found.map(({ score }, i) => score - guesses[i].probability);
  assert.ok(Math.max(...apart.map(Math.abs)) < tolerances[dtype], `${dtype}: ${apart}`);
}
