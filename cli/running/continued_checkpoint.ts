/** What pretraining takes from the checkpoint that it continues, where no recipe says otherwise. */
import type { ModelShape } from "../../checkpoints/formats/model_shape.ts";
import type { ModelCheckpoint } from "../../checkpoints/open_model.ts";
import { readRunConfig } from "../../checkpoints/store/run_directory.ts";
import type { RawConfig } from "../../configs/layers.ts";
import type { Override } from "../../configs/overrides.ts";
import { UserError } from "../../core/errors.ts";
import type { RunFlagValues } from "./run_flags.ts";

/** The recipe of a run that continues a checkpoint and is given none. */
export const continueRecipe = "continue";

/** The recipe's learning rate is that of this width; Adam's steps on a matrix grow with its width. */
const recipeWidth = 768;
const recipeLr = 1.25e-4;

/** Sections of a run of mimic that another run takes over, with the model that they belong to. */
const ownKeys = [
  "model",
  "mask",
  "tokenizer",
  "augment.size",
  "augment.tokenizerSize",
  "augment.normalization",
  "augment.tokenizerNormalization",
];

/** The published tokenizer for a grid of patches; undefined if there is none. */
export function tokenizerFor({ imageSize, patchSize }: ModelShape): string | undefined {
  const names: Readonly<Record<number, string>> = { 14: "vqkd_encoder", 8: "vqkd_quickstart" };
  return names[imageSize / patchSize];
}

/** The config of a pretraining run in a directory; null for any other checkpoint. */
function pretrainingRun(checkpoint: string): RawConfig | null {
  let stored: { config?: RawConfig } | null;
  try {
    stored = readRunConfig(checkpoint) as { config?: RawConfig } | null;
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
  const config = stored?.config ?? null;
  return config?.task === "pretrain" ? config : null;
}

/** Sizes of the model and its tokenizer, from the weights alone. */
function sizesOf(
  { shape, tokenizer = tokenizerFor(shape) }: Pick<ModelCheckpoint, "shape" | "tokenizer">,
): Record<string, unknown> {
  return {
    "model.imageSize": shape.imageSize,
    "model.patchSize": shape.patchSize,
    "model.embedDim": shape.embedDim,
    "model.depth": shape.depth,
    "model.heads": shape.heads,
    "model.mlpRatio": shape.mlpRatio,
    "model.layerScaleInitValue": shape.layerScaleInitValue,
    "model.usesAbsolutePositions": shape.usesAbsolutePositions,
    "model.usesSharedRelativePositionBias": shape.usesSharedRelativePositionBias,
    "model.usesRelativePositionBias": shape.usesRelativePositionBias,
    "model.earlyLayers": shape.earlyLayers ?? Math.max(1, shape.depth - 3),
    "model.headLayers": shape.headLayers ?? (shape.depth > 1 ? 2 : 0),
    ...(shape.codes === undefined ? {} : { "model.codes": shape.codes }),
    ...(tokenizer === undefined ? {} : { "tokenizer.checkpoint": tokenizer }),
  };
}

/** What a run of mimic says of its model, section by section. */
function valuesOfRun(config: RawConfig): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const key of ownKeys) {
    const [section, name] = key.split(".");
    const found = config[section] as RawConfig | undefined;
    if (found === undefined) continue;
    if (name !== undefined) values[key] = found[name];
    else for (const [inner, value] of Object.entries(found)) values[`${key}.${inner}`] = value;
  }
  // The number of masked patches follows from their share, at other image sizes too.
  delete values[values["mask.ratio"] === null ? "mask.ratio" : "mask.maskedPatches"];
  return values;
}

/**
 * The model of a checkpoint as overrides of the recipe: what a run of mimic says of itself, otherwise
 * the sizes of its tensors and the tokenizer that goes with them.
 *
 * @throws UserError for a checkpoint that cannot be read
 */
export async function continuedChoice(
  checkpoint: string,
  { offline }: Pick<RunFlagValues, "offline">,
): Promise<{ readonly overrides: readonly Override[]; readonly tokenizer: string | undefined }> {
  const { runDirectoryOf } = await import("../../pipeline/images/preparation.ts");
  const run = pretrainingRun(runDirectoryOf(checkpoint) ?? checkpoint);
  let values: Record<string, unknown>;
  if (run !== null) values = valuesOfRun(run);
  else {
    // Its shape is enough: a published file is not downloaded for it.
    const { openWeights } = await import("../../checkpoints/hub/open_weights.ts");
    const opened = await openWeights(checkpoint, { offline, onStandIn() {} });
    values = sizesOf(opened);
    opened.close();
  }
  // k-means of other pixels gives other codes.
  if (values["tokenizer.checkpoint"] === "pixels") values.newHeads = true;
  const width = values["model.embedDim"];
  if (typeof width === "number" && width !== recipeWidth) {
    values["optimizer.lr"] = Number((recipeLr * recipeWidth / width).toPrecision(3));
  }
  const origin = `of ${checkpoint}`;
  return {
    overrides: Object.entries(values).map(([key, value]) => ({ key, value, origin })),
    tokenizer: run === null ? values["tokenizer.checkpoint"] as string | undefined : undefined,
  };
}
