/**
 * `visualize`: pictures of what a run sees and what a model attends to.
 *
 * @module
 */

import type { PretrainConfig } from "../../methods/beit/config.ts";
import { UserError } from "../../core/errors.ts";
import { openImages } from "../../data/sources/image_files.ts";
import type { Source } from "../../data/sources/source.ts";
import type { RunListener } from "../../pipeline/engine/events.ts";
import type { PictureSheet } from "../../report/picture_sheet.ts";
import { openTrainingSource } from "../../pipeline/images/data_sources.ts";
import { batchesOf } from "../../pipeline/evaluation/collect_features.ts";
import { requireLayers } from "../../models/features.ts";
import { type Inference, type InferenceOptions, withInference } from "../inference.ts";
import { loadEncoder } from "../../pipeline/weights/load_encoder.ts";
import { testTransform } from "../../pipeline/images/preparation.ts";
import { type AttentionChoice, attentionSheet } from "./attention_sheet.ts";
import { pcaSheet } from "./pca_sheet.ts";
import { type ShownBatch, shownBatch, spread } from "./shown_images.ts";
import { viewSheets } from "./view_sheets.ts";

/** Pictures that need a model … */
export const modelPictures = ["attention", "pca"] as const;
/** … and those that need only a pretraining config. */
export const viewPictures = ["masks", "views"] as const;
/** A kind of picture. */
export type PictureKind = "masks" | "views" | "attention" | "pca";

/** What to draw. */
export interface VisualizeOptions extends Partial<Omit<InferenceOptions, "checkpoint">> {
  /** Which pictures to draw. */
  readonly show: readonly PictureKind[];
  /** Image files, or a single folder or archive, or a source; default: those of the config or the run. */
  readonly images?: readonly string[] | Source | undefined;
  /** Images, spread evenly over the given ones; default: 6. */
  readonly count?: number | undefined;
  /** The model, for `attention` and `pca`. */
  readonly checkpoint?: string | undefined;
  /** What the run does to images, for `masks` and `views`. */
  readonly config?: PretrainConfig | undefined;
  /** Block for `attention` and `pca`, from 0 or from the end with −1; default: the last. */
  readonly layer?: number | undefined;
  /** Heads for `attention`, from 0; default: all. */
  readonly heads?: readonly number[] | undefined;
  /** Query patch [row, column]; default: the cls token. */
  readonly patch?: readonly [number, number] | undefined;
  /** Draws for `masks` and `views`; default: 3. */
  readonly draws?: number | undefined;
}

const [defaultCount, defaultDraws] = [6, 3];

/** The images to show: the given ones, or those of a data section. */
async function openShown(
  { images, count = defaultCount }: Pick<VisualizeOptions, "images" | "count">,
  data: PretrainConfig["data"],
): Promise<{ source: Source; close: () => void }> {
  if (images !== undefined && "read" in images) {
    return { source: spread(images, count), close: () => {} };
  }
  const isGiven = images !== undefined && images.length > 0;
  const source = isGiven ? await openImages(images) : await openTrainingSource(data);
  return { source: spread(source, count), close: () => source.close?.() };
}

async function drawModel(
  { on, preparation, batch, listener }: Inference,
  options: VisualizeOptions & { readonly checkpoint: string },
): Promise<[PictureKind, PictureSheet][]> {
  const { checkpoint, config, imageSize, downloads, show } = options;
  const { source, close } = await openShown(options, config?.data ?? preparation.data);
  try {
    const model = await loadEncoder(on, checkpoint, {
      ...(imageSize === undefined ? {} : { imageSize }),
      ...(downloads === undefined ? {} : { downloads }),
    });
    try {
      const [layer] = requireLayers([options.layer ?? -1], model.config.depth);
      const batches: ShownBatch[] = [];
      const loaded = batchesOf(source, {
        data: preparation.data,
        transform: testTransform(preparation, model.config.imageSize),
        listener,
        batch,
      });
      for await (const one of loaded) batches.push(shownBatch(one, preparation.normalization));
      const choice: AttentionChoice = {
        layer,
        heads: options.heads ?? null,
        patch: options.patch ?? null,
      };
      const sheets: [PictureKind, PictureSheet][] = [];
      if (show.includes("attention")) {
        sheets.push(["attention", await attentionSheet(on, model, { batches }, choice)]);
      }
      if (show.includes("pca")) {
        sheets.push(["pca", await pcaSheet(on, model, { batches }, layer)]);
      }
      return sheets;
    } finally {
      model.dispose();
    }
  } finally {
    close();
  }
}

async function drawViews(
  options: VisualizeOptions,
  config: PretrainConfig,
  listener: RunListener,
): Promise<[PictureKind, PictureSheet][]> {
  const { source, close } = await openShown(options, config.data);
  try {
    const draws = options.draws ?? defaultDraws;
    const sheets = await viewSheets(source, { config, draws, listener });
    return viewPictures.filter((kind) => options.show.includes(kind))
      .map((kind) => [kind, sheets[kind]]);
  } finally {
    close();
  }
}

/**
 * Sheets of pictures, a row for each image: masks, both views of pretraining, attention maps of a block,
 * principal components of its patch features.
 *
 * @throws UserError for a missing checkpoint, missing images, a block, head or patch that does not exist, and
 * if something that a kind of picture needs is not given
 *
 * @example Masks of two images of the quick start
 * ```ts
 * import { resolveConfig } from "../../methods/configs.ts";
 * import { visualize } from "./visualize.ts";
 * const { config } = await resolveConfig({ task: "pretrain", overrides: ["data.workers=0"] });
 * const sheets = await visualize({ show: ["masks"], config, count: 2, draws: 1 });
 * const { rows, columns } = sheets.get("masks")!;
 * if (rows.length !== 2 || columns.join() !== "image,mask 1") throw new Error();
 * ```
 */
export async function visualize(
  options: VisualizeOptions,
): Promise<ReadonlyMap<PictureKind, PictureSheet>> {
  const { show, checkpoint, config, listener = () => {} } = options;
  const needs = (kinds: readonly PictureKind[]) => kinds.find((kind) => show.includes(kind));
  const [ofModel, ofViews] = [needs(modelPictures), needs(viewPictures)];
  if (ofModel !== undefined && checkpoint === undefined) {
    throw new UserError(`Cannot draw ${ofModel}: no model is given`, {
      hint: "give a run directory, a file or the name of a model card with --checkpoint",
    });
  }
  if (ofViews !== undefined && config === undefined) {
    throw new UserError(`Cannot draw ${ofViews}: no pretraining config is given`, {
      hint: "name a pretraining recipe with --config",
    });
  }
  return new Map([
    ...(ofViews === undefined ? [] : await drawViews(options, config!, listener)),
    ...(ofModel === undefined ? [] : await withInference(
      { ...options, checkpoint: checkpoint! },
      (inference) => drawModel(inference, { ...options, checkpoint: checkpoint! }),
    )),
  ]);
}
