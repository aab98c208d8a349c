/**
 * Linear probing: classifiers on the frozen features of every block, all trained jointly, as in
 * BEiT's script; the best is reported.
 *
 * @module
 */

import type { Context } from "../../backends/backend.ts";
import type { Parameter } from "../../backends/parameter.ts";
import { type LinearProbeConfig, linearProbeTask } from "./config.ts";
import { formatMetric, metricName } from "../../core/metric_names.ts";
import { classifierTable } from "../../report/text_tables.ts";
import { Generator } from "../../core/generator.ts";
import type { Source } from "../../data/sources/source.ts";
import type { BeitEncoder } from "../../models/beit_encoder.ts";
import { extractFeatures } from "../../models/features.ts";
import { LinearProbes, type ProbeConfig, type ProbePlace } from "../../models/linear_probes.ts";
import type {
  AugmentedBatch,
  FileBatch,
  LossOutput,
  StepOutput,
  StepPlace,
} from "../../pipeline/batch.ts";
import { Lars } from "../../pipeline/optimize/lars.ts";
import { Optimizer, type Updater } from "../../pipeline/optimize/optimizer.ts";
import { extract, type ExtractedBatch, probeLoss } from "./stages/probe.ts";
import { type HostStage, pipeline, type Stage } from "../../pipeline/stage.ts";
import { imageTensor } from "../../pipeline/tokenize.ts";
import { openLabelled } from "../../pipeline/images/open_labelled.ts";
import { configOfShape, loadEncoder } from "../../pipeline/weights/load_encoder.ts";
import { noteNormalization } from "../../pipeline/images/checkpoint_preparation.ts";
import { classPictures } from "../classify/pictures.ts";
import { labelSubset } from "../../pipeline/images/label_subset.ts";
import { normalizations } from "../../pipeline/images/normalizations.ts";
import { evaluationTransform, trainTransform } from "../../pipeline/images/transforms.ts";
import { type EngineOutcome, runMethod } from "../../pipeline/engine/run_method.ts";
import type { MethodOptions } from "../../pipeline/engine/run_options.ts";
import type { ListedMethod, RunImages } from "../../pipeline/engine/method.ts";
import { bestOf, type ProbeAccuracy, ProbeEvaluation } from "./evaluation.ts";
import { probeFootprint, probePlaces, requirePretrained } from "./model.ts";
import { planLinearProbe } from "./plan.ts";
import { probeLength, probeSchedule } from "./schedule.ts";

/** The stages of probing; each can be replaced by another of the same type. */
export interface LinearProbeStages {
  /** Reads the image files of a micro-batch. */
  readonly load: HostStage<StepPlace, FileBatch>;
  /** Decodes and crops them. */
  readonly augment: HostStage<FileBatch, AugmentedBatch>;
  /** Computes the frozen features of every place. */
  readonly extract: Stage<AugmentedBatch, ExtractedBatch>;
  /** The sum of all classifiers' cross-entropies. */
  readonly loss: Stage<ExtractedBatch, LossOutput>;
  /** Takes gradients, and updates after the last micro-batch. */
  readonly optimize: Stage<LossOutput, StepOutput>;
}

/** What a user's stages may be built from. */
export interface LinearProbeParts {
  /** The classifiers being trained. */
  readonly probes: LinearProbes;
}

/** How to probe; see {@link MethodOptions}. */
export type LinearProbeOptions = MethodOptions<LinearProbeStages, LinearProbeParts>;

/** The result of a probe. */
export interface LinearProbeResult extends EngineOutcome {
  /** Of the best classifier on the test images; null if the run was interrupted. */
  readonly top1: number | null;
  /** Like `top1`, for the first five classes. */
  readonly top5: number | null;
  /** The block and token of that classifier; null like `top1`. */
  readonly best: ProbePlace | null;
  /** RankMe of the features that it sees, on the test images; null like `top1`. */
  readonly rankMe: number | null;
  /** Every classifier, by block and token. */
  readonly layers: readonly ProbeAccuracy[];
  /** Number of classes. */
  readonly classes: number;
}

/** The two splits of a run's labelled images. */
interface ProbeImages extends RunImages {
  readonly test: Source;
}

/** The optimizer of a config. */
function createUpdater(
  on: Context,
  { probe }: LinearProbeConfig,
  trainable: readonly Parameter[],
): Updater {
  const { weightDecay } = probe;
  if (probe.optimizer === "lars") return Lars.create(on, trainable, { weightDecay });
  const groups = new Map(
    trainable.map(({ name }) => [name, { learningRateScale: 1, weightDecay }] as const),
  );
  const settings = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
  return Optimizer.create(on, trainable, groups, {
    ...settings,
    maxGradientNorm: null,
    lossScaling: null,
  });
}

/** The stages on the device. */
function deviceStages(
  { augment }: LinearProbeConfig,
  encoder: BeitEncoder | null,
  probes: LinearProbes,
) {
  // A failed step already has its features.
  return pipeline(extract(encoder!, probes, normalizations[augment.normalization]))
    .to(probeLoss(probes));
}

/** Probing, as the engine runs it. */
export const probe: ListedMethod<
  LinearProbeConfig,
  AugmentedBatch,
  LinearProbeParts,
  Omit<LinearProbeResult, keyof EngineOutcome>,
  ProbeImages
> = {
  task: linearProbeTask,
  inputStages: ["load", "augment"],
  plan: planLinearProbe,
  describe: ({ layers, best, top1, top5, rankMe, classes }) => ({
    table: classifierTable({
      ...Object.fromEntries(
        layers.map(({ layer, token, ...accuracy }) => [`layer${layer}.${token}`, accuracy]),
      ),
      ...(best === null || top1 === null || top5 === null ? {} : {
        [`best: ${metricName(`layer${best.layer}.${best.token}`)}`]: { top1, top5 },
      }),
    }, classes),
    ending: rankMe === null
      ? ""
      : `; ${metricName("rankMe")} of the best ${formatMetric("rankMe", rankMe)}`,
  }),
  validate: (config) => void requirePretrained(config),

  async openImages({ data, seed }, given) {
    const { train, test } = await openLabelled(data, undefined, given);
    return {
      source: labelSubset(train, data.labelFraction, seed),
      test,
      close() {
        if (given === undefined) train.close?.();
        test.close?.();
      },
    };
  },

  async open(run) {
    const { config, on, images: { source, test }, downloads, listener } = run;
    const { augment, seed } = config;
    const frozen = await loadEncoder(on, requirePretrained(config), {
      imageSize: augment.size,
      downloads,
      onShape: (shape) => run.requireRoom(probeFootprint(configOfShape(shape))),
    });
    noteNormalization(frozen.preprocessing, augment.normalization, listener);
    const probes = LinearProbes.create(on, {
      places: probePlaces(config, frozen.config),
      embedDim: frozen.config.embedDim,
      classes: source.classes.length,
      batchNorm: config.probe.batchNorm,
      initDeviation: config.probe.initDeviation,
    }, Generator.from(seed).split("probes"));
    const length = probeLength(config, source.length);
    const evaluation = new ProbeEvaluation(run, frozen.encoder, probes, test);
    return {
      shape: { ...probes.config },
      parameters: probes.parameters,
      parts: { probes },
      footprint: probeFootprint(frozen.config),
      schedule: { length, learningRate: probeSchedule(config, length) },
      input: { transform: trainTransform(augment) },
      stages: deviceStages(config, frozen.encoder, probes),
      frozenStage: "extract",
      createOptimizer: (trainable) => createUpdater(on, config, trainable),
      statistics: probes.parameters.frozen,
      skipsNonFinite: false,
      evaluation,
      // Of the classifier on the last block.
      pictures: classPictures({
        on,
        config,
        source: test,
        split: "validation",
        transform: evaluationTransform(augment),
        logits: ({ pixels, size, imageSize }) => {
          const images = imageTensor(
            pixels,
            size,
            imageSize,
            normalizations[augment.normalization],
          );
          const features = extractFeatures(on, frozen.encoder, images, probes.requests);
          return probes.logits(on, features, false).at(-1)!;
        },
      }),
      result() {
        const { layers } = evaluation;
        const best = bestOf(layers);
        return {
          top1: best?.top1 ?? null,
          top5: best?.top5 ?? null,
          best: best === null ? null : { layer: best.layer, token: best.token },
          rankMe: evaluation.rankMe,
          layers,
          classes: source.classes.length,
        };
      },
      dispose() {
        probes.dispose();
        frozen.dispose();
      },
    };
  },

  reopen(on, { config, shape, parameters }) {
    const probes = LinearProbes.create(on, shape as ProbeConfig, Generator.from(0));
    probes.parameters.load(on, parameters);
    return {
      shape,
      parameters: probes.parameters,
      parts: { probes },
      stages: deviceStages(config, null, probes),
      dispose: () => probes.dispose(),
    };
  },
};

/**
 * Trains linear classifiers on the frozen features of a checkpoint, according to a config.
 *
 * The best block and token are chosen on the test images, as in BEiT's script: compare it only with
 * figures chosen the same way.
 *
 * @throws UserError for a mistake in the config, the data, the checkpoint or the run directory
 */
export function linearProbe(
  config: LinearProbeConfig,
  options: LinearProbeOptions = {},
): Promise<LinearProbeResult> {
  return runMethod(probe, config, options);
}
