/**
 * Linear probing: classifiers on the frozen features of every block, all trained jointly, as BEiT's
 * script does; the best is reported.
 *
 * @module
 */

import { tf } from "../../deps/tfjs.ts";
import { communicatorOf } from "../../backends/backend.ts";
import type { LinearProbeConfig } from "../../configs/schema.ts";
import { UserError } from "../../core/errors.ts";
import { countOverRanks } from "../../distributed/reduce_values.ts";
import { Generator } from "../../core/generator.ts";
import type { Source } from "../../data/source.ts";
import { type BeitConfig, gridSize } from "../../models/beit_config.ts";
import { extractFeatures } from "../../models/features.ts";
import { LinearProbes, placeName, type ProbePlace } from "../../models/linear_probes.ts";
import { countTrainable } from "../../models/parameter_set.ts";
import { encoderSpecs } from "../../models/parameter_specs.ts";
import type { AugmentedBatch } from "../../pipeline/batch.ts";
import { Lars } from "../../pipeline/optimize/lars.ts";
import { optimize } from "../../pipeline/optimize/mod.ts";
import { Optimizer, type Updater } from "../../pipeline/optimize/optimizer.ts";
import { learningRateAt } from "../../pipeline/optimize/schedules.ts";
import type { ModelFootprint } from "../../pipeline/plan.ts";
import { extract, probeLoss } from "../../pipeline/probe.ts";
import { loaderQueue } from "../../pipeline/queue.ts";
import { pipeline } from "../../pipeline/stage.ts";
import { imageTensor } from "../../pipeline/tokenize.ts";
import { openLoader } from "../../tasks/run/data_sources.ts";
import { rankOfLabel } from "../../tasks/evaluation/classification.ts";
import { batchesOf } from "../../tasks/evaluation/collect_features.ts";
import { requireLayers } from "../../tasks/inference/features.ts";
import { openLabelled } from "../../tasks/inference/knn.ts";
import { labelSubset } from "../../tasks/run/label_subset.ts";
import { type LoadedEncoder, loadEncoder } from "../../tasks/inference/load_encoder.ts";
import { normalizations } from "../../tasks/run/normalizations.ts";
import { probeLength, probeSchedule } from "./schedule.ts";
import { classPictures } from "../../tasks/recording/class_pictures.ts";
import type { DrawPictures } from "../engine/run_recorder.ts";
import { inSession } from "../engine/in_session.ts";
import type { RunOptions, RunSession } from "../engine/session.ts";
import { trainInSession } from "../engine/train_in_session.ts";
import { fitMicroBatch, isCheckpointDue } from "../engine/training.ts";
import { evaluationTransform, trainTransform } from "../../tasks/run/transforms.ts";

/** The accuracy of one classifier, in [0, 1]. */
export interface ProbeAccuracy extends ProbePlace {
  readonly top1: number;
  readonly top5: number;
}

/** What a probe ends with. */
export interface LinearProbeResult {
  readonly step: number;
  readonly interrupted: boolean;
  readonly directory: string | null;
  /** Loss of the last step, summed over the classifiers; null where no step was run. */
  readonly loss: number | null;
  /** Of the best classifier on the test images; null where the run was interrupted. */
  readonly top1: number | null;
  readonly top5: number | null;
  readonly best: ProbePlace | null;
  /** Every classifier, by block and token. */
  readonly layers: readonly ProbeAccuracy[];
  readonly classes: number;
}

/** The two splits of a run's labelled images. */
interface Images {
  readonly train: Source;
  readonly test: Source;
}

/** What a run works with. */
interface Probing {
  readonly config: LinearProbeConfig;
  readonly session: RunSession;
  readonly frozen: LoadedEncoder;
  readonly probes: LinearProbes;
  readonly optimizer: Updater;
}

/** The checkpoint of a config; a `UserError` where it names none. */
export function requirePretrained({ pretrained }: LinearProbeConfig): string {
  if (pretrained !== null) return pretrained;
  throw new UserError("Cannot probe: no model is given", {
    hint: "give a run directory or a file with --checkpoint",
  });
}

/**
 * Trains linear classifiers on the frozen features of a checkpoint, as a config says.
 *
 * The best block and token are chosen on the test images, as BEiT's script does: compare it with
 * figures that were chosen alike.
 *
 * @throws UserError for a mistake in the config, the data, the checkpoint or the run directory
 */
export async function linearProbe(
  config: LinearProbeConfig,
  options: RunOptions = {},
): Promise<LinearProbeResult> {
  const checkpoint = requirePretrained(config);
  const images = await openLabelled(config.data);
  try {
    return await inSession(config, options, async (session, options) => {
      const frozen = await loadEncoder(session.on, checkpoint, {
        imageSize: config.augment.size,
        ...(options.downloads === undefined ? {} : { downloads: options.downloads }),
      });
      try {
        return await run(config, options, images, session, frozen);
      } finally {
        frozen.dispose();
      }
    });
  } finally {
    images.train.close?.();
    images.test.close?.();
  }
}

/** Every block with every token of a config. */
export function probePlaces({ probe }: LinearProbeConfig, depth: number): ProbePlace[] {
  const layers = probe.layers === "all"
    ? Array.from({ length: depth }, (_, layer) => layer)
    : requireLayers(probe.layers, depth);
  return layers.flatMap((layer) => probe.tokens.map((token) => ({ layer, token })));
}

function createUpdater(
  { on }: RunSession,
  { probe }: LinearProbeConfig,
  probes: LinearProbes,
): Updater {
  const { trainable } = probes.parameters;
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

/** What a step holds; nothing is kept for a backward pass, so this errs on the safe side. */
export function probeFootprint(config: BeitConfig): ModelFootprint {
  const { embedDim, mlpRatio, depth } = config;
  return {
    parameters: 0,
    frozenParameters: countTrainable(encoderSpecs(config, { hasMaskToken: false })),
    tokens: gridSize(config) ** 2 + 1,
    embedDim,
    mlpRatio,
    blocks: depth,
  };
}

async function run(
  config: LinearProbeConfig,
  options: RunOptions,
  { train: whole, test }: Images,
  session: RunSession,
  frozen: LoadedEncoder,
): Promise<LinearProbeResult> {
  const { on, listener } = session;
  const { data, seed, batchSize, augment } = config;
  const source = labelSubset(whole, data.labelFraction, seed);
  const classes = source.classes.length;
  const probes = LinearProbes.create(on, {
    places: probePlaces(config, frozen.config.depth),
    embedDim: frozen.config.embedDim,
    classes,
    batchNorm: config.probe.batchNorm,
    initDeviation: config.probe.initDeviation,
  }, Generator.from(seed).split("probes"));
  const optimizer = createUpdater(session, config, probes);
  const probing: Probing = { config, session, frozen, probes, optimizer };
  const trained = { parameters: probes.parameters, optimizer, model: { ...probes.config } };
  const startStep = await session.restore(trained);

  const footprint = probeFootprint(frozen.config);
  const share = fitMicroBatch(config, footprint, session, options);
  const length = probeLength(config, source.length);
  const { schedule, at } = probeSchedule(config, length);
  const update = optimize(optimizer, schedule, config.distributed);
  const stages = pipeline(extract(frozen.encoder, probes, normalizations[augment.normalization]))
    .to(probeLoss(probes))
    .to({
      name: "optimize",
      run: (output, context) => update.run(output, { ...context, step: at(context.step) }),
    });
  const loading = {
    source,
    transform: trainTransform(augment),
    batch: batchSize,
    ...share,
    seed,
  };
  const queue = loaderQueue(await openLoader(data, loading, listener));
  try {
    const { totalSteps } = length;
    session.describeData(source);
    session.setPictures(probePictures(probing, source));
    const { step, interrupted, loss } = await trainInSession<AugmentedBatch>(session, config, {
      queue,
      stages,
      learningRate: (now) => learningRateAt(schedule, at(now)),
      startStep,
      length,
      images: source.length,
      share,
      skipsNonFinite: false,
      wantsPause: (now) => isCheckpointDue(config, now, length),
      pause: async (now) => await session.save(now, trained, now >= totalSteps),
      frozenStage: "extract",
      saveFailure: (failure) => session.saveFailure(failure, trained, { frozenStage: "extract" }),
      signal: options.signal,
      statistics: probes.parameters.frozen,
    });
    const layers = interrupted ? [] : await measure(probing, test, step);
    await session.finish();
    listener({ type: "done", step, interrupted });
    const best = layers.reduce<ProbeAccuracy | null>(
      (best, other) => best === null || other.top1 > best.top1 ? other : best,
      null,
    );
    const { directory } = session;
    const place = best === null ? null : { layer: best.layer, token: best.token };
    const [top1, top5] = [best?.top1 ?? null, best?.top5 ?? null];
    return { step, interrupted, directory, loss, top1, top5, best: place, layers, classes };
  } finally {
    await queue.close();
    optimizer.dispose();
    probes.dispose();
  }
}

/** Pictures of the classifier on the last block. */
function probePictures(
  { config, session: { on }, frozen, probes }: Probing,
  source: Source,
): DrawPictures {
  const { augment } = config;
  return classPictures({
    on,
    config,
    source,
    split: "training",
    transform: evaluationTransform(augment),
    logits: ({ pixels, size, imageSize }) => {
      const input = imageTensor(pixels, size, imageSize, normalizations[augment.normalization]);
      const features = extractFeatures(on, frozen.encoder, input, probes.requests);
      return probes.logits(on, features, false).at(-1)!;
    },
  });
}

/** Accuracy of every classifier on the test images. */
async function measure(
  { config, session: { on, listener }, frozen, probes }: Probing,
  test: Source,
  step: number,
): Promise<ProbeAccuracy[]> {
  const { augment, data } = config;
  const { places, classes } = probes.config;
  const counts = places.map(() => ({ first: 0, firstFive: 0 }));
  let images = 0;
  const transform = evaluationTransform(augment);
  const communicator = communicatorOf(on);
  for await (const batch of batchesOf(test, { data, transform, listener, communicator })) {
    const { pixels, size, imageSize, labels } = batch;
    const scores = on.backend.run(() =>
      tf.tidy(() => {
        const input = imageTensor(pixels, size, imageSize, normalizations[augment.normalization]);
        const features = extractFeatures(on, frozen.encoder, input, probes.requests);
        return tf.stack(probes.logits(on, features, false));
      })
    );
    const values = await scores.data() as Float32Array;
    scores.dispose();
    for (const [place, count] of counts.entries()) {
      for (const [index, label] of labels.entries()) {
        const start = (place * size + index) * classes;
        const rank = rankOfLabel(values.subarray(start, start + classes), label);
        if (rank < 1) count.first++;
        if (rank < 5) count.firstFive++;
      }
    }
    images += size;
  }
  const [all, first, firstFive] = await countOverRanks(communicator, [
    Int32Array.of(images),
    Int32Array.from(counts, ({ first }) => first),
    Int32Array.from(counts, ({ firstFive }) => firstFive),
  ]);
  return places.map((place, index) => {
    const result = { top1: first[index] / all[0], top5: firstFive[index] / all[0] };
    listener({ type: "evaluation", step, name: placeName(place), result });
    return { ...place, ...result };
  });
}
