/**
 * How images are preprocessed for a checkpoint: as in its run, if that is known.
 *
 * @module
 */

import { basename, dirname } from "node:path";
import { z } from "../../deps/zod.ts";
import {
  cropShareOf,
  type Preprocessing,
  resizedEdge,
} from "../../checkpoints/hub/preprocessing.ts";
import { readRunConfig } from "../../checkpoints/store/run_directory.ts";
import { latestCheckpoint, loadCheckpoint } from "../../checkpoints/store/store.ts";
import {
  type DataConfig,
  dataSection,
  interpolation,
  normalization,
} from "../../configs/sections/data.ts";
import { pretrainModelSection } from "../../configs/sections/model.ts";
import { runSchema } from "../../configs/task.ts";
import { issueError } from "../../configs/issues.ts";
import { UserError } from "../../core/errors.ts";
import { imagenetNormalization, type Normalization } from "../../data/images/normalize.ts";
import type { Interpolation } from "../../data/images/resize.ts";
import type { TestTransform } from "../../data/augment/transform.ts";
import { normalizations } from "./normalizations.ts";
import { interpolations } from "./transforms.ts";

/** What a test image goes through, and the images that the model was trained on. */
export interface Preparation {
  readonly normalization: Normalization;
  readonly interpolation: Interpolation;
  /** Shorter edge before the centre crop, if it was given; null: determined by `cropShare`. */
  readonly resize: number | null;
  /** Side of the centre crop relative to the shorter edge before it (timm's `crop_pct`), at most 1. */
  readonly cropShare: number;
  /** As a model's own files declare it: the edge is rounded down, and both sides may be resized to it. */
  readonly declared: { readonly squashes: boolean } | null;
  /** The run's `data` section, or the schema's defaults: the bundled sample. */
  readonly data: DataConfig;
}

/** The papers' ratio: 224 of 256 pixels. */
const usualCropShare = 224 / 256;

/** The default if a checkpoint says nothing: ImageNet's statistics and Pillow's bicubic. */
function defaults(): Preparation {
  return {
    normalization: imagenetNormalization,
    interpolation: "bicubic",
    resize: null,
    cropShare: usualCropShare,
    declared: null,
    data: dataSection.parse({}),
  };
}

/** What of a run's config is read to use its model, whatever its task was. */
const storedSchema = runSchema.pick({ task: true, seed: true, data: true }).extend({
  augment: z.looseObject({
    size: z.number(),
    normalization,
    /** Not of segmentation, whose images are not cropped for a test. */
    interpolation: interpolation.optional(),
    /** Of fine-tuning. */
    testResize: z.number().optional(),
  }),
  /** Of runs that start from another: its name, or null. */
  pretrained: z.string().nullable().optional(),
  /** Of pretraining. */
  tokenizer: z.looseObject({ checkpoint: z.string() }).optional(),
  model: z.looseObject({ initVariant: pretrainModelSection.shape.initVariant.optional() })
    .optional(),
});

/** The parts of a run's config that are needed to use its model. */
export type StoredRun = z.output<typeof storedSchema>;

/** A run's directory and its config. */
interface FoundRun {
  readonly directory: string;
  readonly config: StoredRun;
}

/**
 * The run that a checkpoint belongs to: its directory, a file in it, or one of its checkpoints
 * (`RUN/checkpoints/step-N`); null for anything else.
 */
function runOf(checkpoint: string): FoundRun | null {
  const parent = dirname(checkpoint);
  const isStep = basename(parent) === "checkpoints";
  for (const directory of [checkpoint, isStep ? dirname(parent) : parent]) {
    const config = configIn(directory);
    if (config !== null) return { directory, config };
  }
  return null;
}

/** The directory of the run that a checkpoint belongs to; null for anything else. */
export function runDirectoryOf(checkpoint: string): string | null {
  return runOf(checkpoint)?.directory ?? null;
}

/** The config of the run that a checkpoint belongs to; null for anything else. */
export function runConfig(checkpoint: string): StoredRun | null {
  return runOf(checkpoint)?.config ?? null;
}

function configIn(checkpoint: string): StoredRun | null {
  try {
    return storedRunOf(readRunConfig(checkpoint));
  } catch (error) {
    // There is no config next to a file's name or the name of a model card.
    if (error instanceof UserError) return null;
    throw error;
  }
}

/** What a run's `config.json` holds that its model needs; null if it is something else. */
export function storedRunOf(stored: unknown): StoredRun | null {
  const { success, data } = storedSchema.safeParse((stored as { config?: unknown } | null)?.config);
  return success ? data : null;
}

/**
 * The preprocessing of a checkpoint: that of its run, for the directory or a file in it, or the defaults if
 * there is none.
 */
export function preparationOf(checkpoint: string): Preparation {
  return preparationOfRun(runConfig(checkpoint));
}

/** The same from what a run's `config.json` holds. */
export function preparationOfConfig(stored: unknown): Preparation {
  return preparationOfRun(storedRunOf(stored));
}

function preparationOfRun(config: StoredRun | null): Preparation {
  if (config?.augment.interpolation === undefined) return defaults();
  const { augment: { normalization, interpolation }, data } = config;
  return {
    ...defaults(),
    normalization: normalizations[normalization],
    interpolation: interpolations[interpolation],
    cropShare: seenShare(config),
    data,
  };
}

/** The preprocessing that a model's own files declare, for no images in particular. */
export function preparationFrom(
  { mean, standardDeviation, cropShare, interpolation, squashes = false }: Preprocessing,
): Preparation {
  const bytes = (values: readonly [number, number, number]) =>
    values.map((value) => value * 255) as [number, number, number];
  return {
    ...defaults(),
    normalization: { mean: bytes(mean), std: bytes(standardDeviation) },
    interpolation,
    cropShare,
    declared: { squashes },
  };
}

/** Whether a checkpoint belongs to a run, which then says how its images are preprocessed. */
export function isOfRun(checkpoint: string): boolean {
  return runConfig(checkpoint) !== null;
}

/** The share of a run's test images that it used. */
function seenShare({ augment: { size, testResize } }: StoredRun): number {
  if (testResize === undefined) return usualCropShare;
  // Earlier versions allowed runs whose crop was larger than the image.
  return testResize < size ? usualCropShare : size / testResize;
}

/** Pillow's filters under the hubs' names; they have none for OpenCV's area, and bicubic comes closest. */
const hubFilters = {
  "pil-bicubic": "bicubic",
  "pil-lanczos": "lanczos",
  "pil-bilinear": "bilinear",
  "cv2-area": "bicubic",
} as const;

/** The preprocessing of a run's checkpoint as hubs write it; undefined if there is no run. */
export function hubPreprocessing(checkpoint: string): Preprocessing | undefined {
  const config = runConfig(checkpoint);
  if (config?.augment.interpolation === undefined) return undefined;
  const { normalization: { mean, std }, cropShare } = preparationOf(checkpoint);
  const { interpolation, size } = config.augment;
  const shares = (values: readonly number[]) =>
    values.map((value) => Number((value / 255).toPrecision(9))) as [number, number, number];
  return {
    mean: shares(mean),
    standardDeviation: shares(std),
    // Hubs round the edge down, which then gives the one that the run's images had.
    cropShare: cropShareOf(size, Math.round(size / cropShare)),
    interpolation: hubFilters[interpolation],
  };
}

/** The names of the classes that a run trained on; null if the checkpoint belongs to no such run. */
export function classNamesOfRun(checkpoint: string): readonly string[] | null {
  const run = runOf(checkpoint);
  if (run === null) return null;
  const latest = latestCheckpoint(run.directory).checkpoint;
  if (latest === undefined) return null;
  const { state } = loadCheckpoint(latest.directory);
  const { model } = state as { model?: { classNames?: string[] } };
  return model?.classNames ?? null;
}

/**
 * A preprocessing's test transform at a size: shorter edge to `resize`, then a centre crop.
 *
 * @throws UserError if `resize` is smaller than the crop
 */
export function testTransform(preparation: Preparation, size: number): TestTransform {
  const { interpolation, resize, cropShare, declared } = preparation;
  const edge = resize ??
    (declared === null ? Math.round(size / cropShare) : resizedEdge(size, cropShare));
  if (edge < size) {
    throw new UserError(
      `Cannot take the central ${size} px of images whose shorter edge is resized to ${edge} px`,
      { hint: `omit --resize, or give at least --resize ${size}` },
    );
  }
  const squashes = declared?.squashes === true;
  return { kind: "test", size, edge, interpolation, ...(squashes ? { squashes } : {}) };
}

/** A `data` section with some keys replaced; a `UserError` for a value of the wrong type. */
export function withData(data: DataConfig, changes: Partial<DataConfig>): DataConfig {
  const given = Object.entries(changes).filter(([, value]) => value !== undefined);
  const values = { ...data, ...Object.fromEntries(given) };
  const { success, data: parsed, error } = dataSection.safeParse(values);
  if (success) return parsed;
  throw issueError(dataSection, values, error.issues[0], (key) => `data.${key}`);
}
