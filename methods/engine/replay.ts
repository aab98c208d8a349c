/**
 * Runs the micro-batch of a failure bundle again, on any backend.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Backend, Context, Precision } from "../../backends/backend.ts";
import { type BackendName, createBackend } from "../../backends/mod.ts";
import type { Observation, TensorPlace } from "../../backends/watch.ts";
import { UserError } from "../../core/errors.ts";
import { Generator } from "../../core/generator.ts";
import type { BeitConfig } from "../../models/beit_config.ts";
import { Classifier } from "../../models/classifier.ts";
import { LinearProbes, type ProbeConfig } from "../../models/linear_probes.ts";
import { MaskedImageModel } from "../../models/masked_image_model.ts";
import { initialiseFrom, type ParameterSet } from "../../models/parameter_set.ts";
import type { VqkdConfig } from "../../models/vqkd_config.ts";
import { VqkdTokenizer } from "../../models/vqkd_tokenizer.ts";
import type { LossOutput, StepOutput } from "../../pipeline/batch.ts";
import { classificationLoss } from "../../pipeline/classification_loss.ts";
import { classify } from "../../pipeline/classify.ts";
import { encode } from "../../pipeline/encode.ts";
import { examineMicroBatch, type HostTensor } from "../../pipeline/examine.ts";
import { loss } from "../../pipeline/loss.ts";
import { mix } from "../../pipeline/mix.ts";
import { watchGradients } from "../../pipeline/optimize/mod.ts";
import { probeLoss } from "../../pipeline/probe.ts";
import { encodeAndDecode, quantize } from "../../pipeline/quantize.ts";
import { pipeline, type Stage } from "../../pipeline/stage.ts";
import { type FailureBundle, type FoundTensor, readFailure } from "./failure_bundle.ts";
import { type FinetuneStages, mixOptions } from "../classify/stages.ts";
import { normalizations } from "../../tasks/run/normalizations.ts";
import type { PretrainStages } from "../beit/pretrain.ts";

/** How to replay. */
export interface ReplayOptions {
  /** Where to compute; default: what `backendName` starts, disposed of after. */
  readonly backend?: Backend;
  /** Default: the backend of the run. */
  readonly backendName?: BackendName;
  /** The user's own stages that the run had: no bundle holds code. */
  readonly stages?: Partial<PretrainStages> | Partial<FinetuneStages>;
}

/** What a replay found. */
export interface ReplayResult {
  readonly backend: string;
  readonly precision: Precision;
  /** The first tensor that was not finite in the run. */
  readonly recorded: FoundTensor & { readonly backend: string };
  /** The first here; null where all are finite. */
  readonly found: FoundTensor | null;
  /** Whether it is the same tensor. */
  readonly isSame: boolean;
}

type DeviceStages = Stage<Record<string, unknown>, StepOutput>;

/** A task's stages behind the queue, with the bundle's parameters. */
interface Replayed {
  readonly stages: DeviceStages;
  readonly dispose: () => void;
}

/** Stands for the frozen stages: gives what they gave. */
function given(name: string, tensors: ReadonlyMap<string, HostTensor>) {
  return {
    name,
    run(batch: Record<string, unknown>) {
      const output: Record<string, unknown> = { ...batch };
      for (const [key, { shape, values }] of tensors) {
        const dtype = values instanceof Int32Array ? "int32" : "float32";
        const tensor = tf.tensor(values, [...shape], dtype);
        const [list, index] = key.split(".");
        if (index === undefined) output[key] = tensor;
        else (output[list] ??= [] as Tensor[], output[list] as Tensor[])[Number(index)] = tensor;
      }
      return output;
    },
  } as const;
}

/** The stage `optimize` without an update. */
function differentiate(parameters: ParameterSet): Stage<LossOutput, StepOutput> & {
  readonly name: "optimize";
} {
  const { trainable } = parameters;
  return { name: "optimize", run: (output, context) => watchGradients(trainable, output, context) };
}

/** The user's stages in the places of those that they are named after. */
function withOwn(all: object, own: object, known: readonly string[]): void {
  for (const name of known) {
    const stage = (own as Record<string, unknown>)[name];
    if (stage !== undefined) (all as Record<string, unknown>)[name] = stage;
  }
}

// Stages meet by their names here, as they do in the run: the bundle is data, and has no types.
// deno-lint-ignore no-explicit-any
type AnyStage = Stage<any, any> & { readonly name: string };

function chain(stages: Record<string, AnyStage>, own: object, dispose: () => void): Replayed {
  withOwn(stages, own, Object.keys(stages));
  const [first, ...rest] = Object.values(stages);
  let all = pipeline(first);
  for (const stage of rest) all = all.to(stage) as typeof all;
  return { stages: all as unknown as DeviceStages, dispose };
}

function rebuild(on: Context, bundle: FailureBundle, own: object): Replayed {
  const { config, model: shape } = bundle;
  const initialise = initialiseFrom(bundle.parameters, null);
  const frozen = given(bundle.frozenStage ?? "given", bundle.given);
  switch (config.task) {
    case "pretrain": {
      const model = MaskedImageModel.create(on, shape as unknown as BeitConfig, initialise);
      return chain(
        {
          tokenize: frozen,
          encode: encode(model, normalizations[config.augment.normalization]),
          loss: loss(model),
          optimize: differentiate(model.parameters),
        },
        own,
        () => model.dispose(),
      );
    }
    case "tokenizer": {
      const tokenizer = VqkdTokenizer.create(on, shape as unknown as VqkdConfig, initialise);
      return chain(
        {
          teach: frozen,
          encode: encodeAndDecode(tokenizer, normalizations[config.augment.normalization]),
          quantize: quantize(tokenizer, config.codebook),
          optimize: differentiate(tokenizer.parameters),
        },
        own,
        () => tokenizer.dispose(),
      );
    }
    case "finetune": {
      const { classNames: _, ...rest } = shape;
      const model = Classifier.create(on, rest as unknown as BeitConfig, initialise);
      return chain(
        {
          mix: mix({
            normalization: normalizations[config.augment.normalization],
            classes: model.config.classes!,
            smoothing: config.augment.labelSmoothing,
            mix: mixOptions(config),
          }),
          classify: classify(model),
          loss: classificationLoss(),
          optimize: differentiate(model.parameters),
        },
        own,
        () => model.dispose(),
      );
    }
    case "linearProbe": {
      const probes = LinearProbes.create(on, shape as unknown as ProbeConfig, Generator.from(0));
      probes.parameters.load(on, bundle.parameters);
      return chain(
        {
          extract: frozen,
          loss: probeLoss(probes),
          optimize: differentiate(probes.parameters),
        },
        own,
        () => probes.dispose(),
      );
    }
    default:
      throw new UserError(`Cannot replay a step of the task "${config.task}"`);
  }
}

function requireStages({ ownStages }: FailureBundle, own: object): void {
  const missing = ownStages.filter((name) => !(name in own) && !inputStages.has(name));
  if (missing.length === 0) return;
  throw new UserError(
    `Cannot replay: the run had stages of your own that no bundle holds: ${missing.join(", ")}`,
    { hint: "call replayFailure(bundle, { stages }) from a program that has them" },
  );
}

/** Their work is in the bundle: the batch. */
const inputStages = new Set(["load", "augment", "mask"]);

function requirePrecision(backend: Backend, precision: Precision): void {
  const { reducedPrecisions } = backend.capabilities;
  if (precision === "float32" || reducedPrecisions.includes(precision)) return;
  throw new UserError(
    `Cannot replay a ${precision} step on ${backend.name}: it has no ${precision}`,
    { hint: "use --backend reference, which imitates it" },
  );
}

function isSamePlace(a: TensorPlace, b: TensorPlace | null): boolean {
  return b !== null && a.stage === b.stage && a.kind === b.kind && a.op === b.op &&
    a.name === b.name;
}

function withoutValues(found: Observation | null): FoundTensor | null {
  if (found === null) return null;
  const { values: _, ...rest } = found;
  return rest;
}

/**
 * Runs a bundle's micro-batch again, forward and backward, in the precision of the run, and says which
 * tensor is the first that is not finite.
 *
 * @throws UserError where the directory is no whole bundle, the backend lacks the precision, or stages
 * of the user's are missing
 */
export async function replayFailure(
  directory: string,
  options: ReplayOptions = {},
): Promise<ReplayResult> {
  const bundle = await readFailure(directory);
  const own = options.stages ?? {};
  requireStages(bundle, own);
  const name = options.backendName ?? bundle.backend as BackendName;
  const backend = options.backend ?? (await createBackend(name)).backend;
  const { precision, step, microBatch, microBatches, firstImage, share, lossScale } = bundle;
  try {
    requirePrecision(backend, precision);
    const on: Context = { backend, precision };
    const { stages, dispose } = rebuild(on, bundle, own);
    try {
      const { found } = await examineMicroBatch({
        on,
        stages,
        batch: bundle.batch,
        step,
        microBatch,
        microBatches,
        firstImage,
        share,
        lossScale,
        generator: Generator.fromState(bundle.generator),
      });
      return {
        backend: backend.name,
        precision,
        recorded: { ...bundle.found, backend: bundle.backend },
        found: withoutValues(found),
        isSame: isSamePlace(bundle.found, found),
      };
    } finally {
      dispose();
    }
  } finally {
    if (options.backend === undefined) await backend.dispose();
  }
}
