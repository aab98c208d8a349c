/**
 * The model that pretraining starts from: a new one, or that of a checkpoint.
 *
 * @module
 */

import type { PretrainConfig } from "./config.ts";
import { adaptPositions } from "../../checkpoints/formats/adapt_positions.ts";
import type { DownloadOptions } from "../../checkpoints/hub/download.ts";
import type { Preprocessing } from "../../checkpoints/hub/preprocessing.ts";
import { openWeights } from "../../checkpoints/hub/open_weights.ts";
import type { ModelShape } from "../../checkpoints/formats/model_shape.ts";
import { toFloat32 } from "../../checkpoints/tensors/tensor_data.ts";
import { UserError } from "../../core/errors.ts";
import { Generator } from "../../core/generator.ts";
import type { BeitConfig } from "../../models/beit_config.ts";
import { initialiseBeit } from "../../models/initialise.ts";
import { maskedImageModelSpecs } from "../../models/masked_image_model.ts";
import { type Initialise, initialiseFrom, type NamedValues } from "../../models/parameter_set.ts";
import { configOfShape, requireEncoder, traitsOf } from "../../pipeline/weights/load_encoder.ts";
import { beitConfig } from "./shape.ts";

/** What a run takes from its checkpoint, by the names of parameters. */
export interface Continuation {
  /** Trained on from the checkpoint's values. */
  readonly taken: readonly string[];
  /** Trained from initial values: not in the checkpoint, or `newHeads` asks for it. */
  readonly fresh: readonly string[];
  /** In the checkpoint, but not part of this model or of other sizes in it. */
  readonly left: readonly string[];
}

/** A model's shape and initial values. */
export interface PretrainStart {
  readonly shape: BeitConfig;
  readonly initialise: Initialise;
  /** Null for a new model. */
  readonly continuation: Continuation | null;
  /** How the checkpoint's images are preprocessed, if its files say so. */
  readonly preprocessing?: Preprocessing | undefined;
}

/** Sizes that a checkpoint determines and the config must agree with. */
const decidedByCheckpoint = [
  "patchSize",
  "embedDim",
  "depth",
  "heads",
  "mlpRatio",
  "usesAbsolutePositions",
  "usesSharedRelativePositionBias",
  "usesRelativePositionBias",
] as const;

/** What only pretraining has: a checkpoint of another kind lacks it. */
const heads = /^(lm_head|cls_pt_layers)\./;

/** Refuses a config whose sizes are not the checkpoint's, with what to set. */
function requireSizes(checkpoint: string, own: BeitConfig, found: BeitConfig): void {
  const differing = decidedByCheckpoint.filter((key) => own[key] !== found[key]);
  const [hasScale, foundScale] = [own, found].map((shape) => shape.layerScaleInitValue > 0);
  const settings = [
    ...differing.map((key) => `model.${key}=${found[key]}`),
    ...(hasScale === foundScale
      ? []
      : [`model.layerScaleInitValue=${foundScale ? found.layerScaleInitValue : 0}`]),
  ];
  if (settings.length === 0) return;
  const [first] = differing;
  const difference = first === undefined
    ? `layer scale, and the checkpoint ${foundScale ? "has it" : "has none"}`
    : `model.${first} ${own[first]}, and the checkpoint ${found[first]}`;
  throw new UserError(`Cannot continue from "${checkpoint}": the config has ${difference}`, {
    hint: `give --set ${settings.join(" --set ")}`,
  });
}

/** The config's model with a checkpoint's encoder; other families keep what sets them apart. */
function continuedShape(
  config: PretrainConfig,
  pretrained: string,
  shape: ModelShape,
): BeitConfig {
  const own = beitConfig(config);
  requireSizes(pretrained, own, configOfShape(shape));
  const { registers = 0, hasClassToken = true } = shape;
  if (registers > 0 || !hasClassToken) {
    const what = registers > 0 ? `${registers} register tokens` : "no class token";
    throw new UserError(
      `Cannot continue from "${pretrained}": expected an encoder with a class token and no ` +
        `registers, as BEiT v2's losses need, found one with ${what}`,
    );
  }
  // How a classifier pools is not part of pretraining.
  const { pooling: _, ...traits } = traitsOf(shape);
  return { ...own, ...traits };
}

/**
 * Shape and initial values of a config's model: of `config.pretrained`, with positions resized to
 * `model.imageSize`, or new ones. Whatever the checkpoint has in the right shape is taken, norm,
 * mask token and heads included; the rest is initialised from the run's seed.
 *
 * @param options `withoutValues` reads no weights: a plan needs the names alone
 * @throws UserError for a checkpoint that cannot be read, is a tokenizer, or whose encoder has other
 * sizes than the config
 */
export async function startPretraining(
  config: PretrainConfig,
  { downloads = {}, withoutValues = false }: {
    readonly downloads?: DownloadOptions | undefined;
    readonly withoutValues?: boolean;
  } = {},
): Promise<PretrainStart> {
  const generator = Generator.from(config.seed).split("model");
  if (config.pretrained === null) {
    const shape = beitConfig(config);
    return { shape, initialise: initialiseBeit(shape, generator), continuation: null };
  }
  const opened = await openWeights(config.pretrained, downloads);
  try {
    requireEncoder(opened, config.pretrained);
    const all = new Map([...opened.tensors, ...opened.rest]);
    const { imageSize } = config.model;
    const adapted = adaptPositions(all, opened.shape, { imageSize });
    const shape = continuedShape(config, config.pretrained, opened.shape);
    const values = new Map<string, NamedValues>();
    const taken: string[] = [];
    const fresh: string[] = [];
    for (const { name, shape: wanted } of maskedImageModelSpecs(shape)) {
      const found = adapted.tensors.get(name);
      const isFitting = found?.shape.join() === wanted.join();
      if (!isFitting || (config.newHeads && heads.test(name))) {
        fresh.push(name);
        continue;
      }
      taken.push(name);
      if (withoutValues) continue;
      values.set(name, { shape: wanted, values: toFloat32(await found!.read()) });
    }
    const { unknown, dropped } = opened.report;
    const known = new Set(taken);
    const left = [
      ...[...all.keys()].filter((name) => !known.has(name)),
      ...unknown,
      ...dropped.map(({ name }) => name),
    ];
    return {
      shape,
      initialise: initialiseFrom(values, initialiseBeit(shape, generator)),
      continuation: { taken, fresh, left },
      preprocessing: opened.preprocessing,
    };
  } finally {
    opened.close();
  }
}

/** Names in short: `blocks (2), lm_head.weight`, a group by its first part. */
function inShort(names: readonly string[]): string {
  const groups = Map.groupBy(names, (name) => name.split(".")[0]);
  return [...groups].map(([group, members]) =>
    members.length === 1 ? members[0] : `${group} (${members.length})`
  ).join(", ");
}

/** What of a run is its checkpoint's and what is new, in sentences. */
export function describeContinuation(
  checkpoint: string,
  { taken, fresh, left }: Continuation,
): string[] {
  return [
    `Everything is trained, starting from ${checkpoint}: ${taken.length} of ` +
    `${taken.length + fresh.length} tensors are its own`,
    ...(fresh.length === 0 ? [] : [`New: ${inShort(fresh)}`]),
    ...(left.length === 0 ? [] : [`Not used: ${inShort(left)}`]),
  ];
}
