/** What a weight file says about its model besides the tensors: our keys, timm's and mmpretrain's. */

import { channels, type ModelNotes, namesIn, timmPreprocessing } from "./hub/hub_folder.ts";
import type { ModelShape } from "./formats/model_shape.ts";
import type { Preprocessing } from "./hub/preprocessing.ts";
import { PickleDict, PickleTuple } from "./pth/pth.ts";
import type { AnyTensorFile } from "./tensors/tensor_file.ts";

/** The key for our shape in safetensors metadata, and at the root of our `.pth` files. */
export const SHAPE_KEY = "mimic.shape";
const CLASSES_KEY = "mimic.classes";
const PREPROCESSING_KEY = "mimic.preprocessing";
const TOKENIZER_KEY = "mimic.tokenizer";

/** What tensors alone do not show; everything else is read from them, whatever a file claims. */
const SHAPE_NUMBERS = [
  "imageSize",
  "heads",
  "layerScaleInitValue",
  "earlyLayers",
  "normEpsilon",
] as const;

const SHAPE_NAMES = {
  activation: ["gelu", "quickGelu", "geluTanh"],
  pooling: ["meanThenNorm", "cls", "normThenMean", "clsAndMean"],
} as const;

/** Those fields of a shape that are present. */
export function knownShape(model: Readonly<Record<string, unknown>>): Partial<ModelShape> {
  const numbers = SHAPE_NUMBERS.filter((field) => Number.isFinite(model[field]));
  const names = Object.entries(SHAPE_NAMES)
    .filter(([field, values]) => (values as readonly unknown[]).includes(model[field]))
    .map(([field]) => field);
  return Object.fromEntries([...numbers, ...names].map((field) => [field, model[field]]));
}

function parsed(text: unknown): unknown {
  try {
    return JSON.parse(typeof text === "string" ? text : "null");
  } catch {
    // Someone else's metadata under our key means nothing.
    return null;
  }
}

function ourPreprocessing(value: unknown): Preprocessing | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { mean, standardDeviation, cropShare, interpolation, squashes } = value as Preprocessing;
  return timmPreprocessing({
    mean,
    std: standardDeviation,
    crop_pct: cropShare,
    interpolation,
    ...(squashes ? { crop_mode: "squash" } : {}),
  });
}

/** A single timm file without its folder: what our export keeps in the metadata. */
function metadataPreprocessing(
  { mean, std, crop_pct, crop_mode, interpolation }: Readonly<Record<string, string>>,
): Preprocessing | undefined {
  if (mean === undefined || std === undefined) return undefined;
  const numbers = (text: string) => channels(text.split(",").map(Number));
  return timmPreprocessing({
    mean: numbers(mean),
    std: numbers(std),
    crop_pct: Number(crop_pct),
    crop_mode,
    interpolation,
  });
}

/** The class names that mmpretrain keeps under `meta.dataset_meta.classes`. */
function mmpretrainNames(root: PickleDict | undefined): string[] | undefined {
  const meta = root?.get("meta");
  const dataset = meta instanceof PickleDict ? meta.get("dataset_meta") : undefined;
  const names = dataset instanceof PickleDict ? dataset.get("classes") : undefined;
  return namesIn(names instanceof PickleTuple ? names.items : names);
}

/** What an opened file says. */
export function readFileNotes({ kind, file }: AnyTensorFile): ModelNotes {
  const root = kind === "pth" && file.content instanceof PickleDict ? file.content : undefined;
  const textOf = (key: string) => kind === "pth" ? root?.get(key) : file.metadata[key];
  const valueOf = (key: string) => parsed(textOf(key));
  const preprocessing = ourPreprocessing(valueOf(PREPROCESSING_KEY)) ??
    metadataPreprocessing(file.metadata);
  const classNames = namesIn(valueOf(CLASSES_KEY)) ?? mmpretrainNames(root);
  const shape = valueOf(SHAPE_KEY);
  const tokenizer = textOf(TOKENIZER_KEY);
  return {
    ...(typeof shape === "object" && shape !== null
      ? { shape: knownShape(shape as Record<string, unknown>) }
      : {}),
    ...(preprocessing === undefined ? {} : { preprocessing }),
    ...(classNames === undefined ? {} : { classNames }),
    ...(typeof tokenizer === "string" ? { tokenizer } : {}),
  };
}

/** The same as entries of safetensors metadata, or of a `.pth` file's root. */
export function fileNotes(
  { shape, preprocessing, classNames, tokenizer }: ModelNotes,
): Record<string, string> {
  return {
    ...(shape === undefined ? {} : { [SHAPE_KEY]: JSON.stringify(shape) }),
    ...(preprocessing === undefined ? {} : { [PREPROCESSING_KEY]: JSON.stringify(preprocessing) }),
    ...(classNames === undefined ? {} : { [CLASSES_KEY]: JSON.stringify(classNames) }),
    ...(tokenizer === undefined ? {} : { [TOKENIZER_KEY]: tokenizer }),
  };
}
