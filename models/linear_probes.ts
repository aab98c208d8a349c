/**
 * Linear classifiers on frozen features, one per block and token type, trained side by side.
 *
 * @module
 */

import { type Tensor, tf } from "../deps/tfjs.ts";
import type { Context } from "../backends/backend.ts";
import type { Generator } from "../core/generator.ts";
import type { FeatureRequest } from "./features.ts";
import { initialisePlain } from "./initialise.ts";
import { matrix, normal } from "./initial_values.ts";
import { affineSpecs, linearLayer } from "./layers/affine.ts";
import { moveStatistics, runningSpecs } from "./layers/running_statistics.ts";
import { ParameterSet, type ParameterSpec } from "./parameter_set.ts";
import { withoutGradient } from "../backends/tfjs/without_gradient.ts";

/** What represents an image; `clsAndMean` is both, concatenated. */
export type ProbeToken = "cls" | "meanPatches" | "clsAndMean";

/** The input of one classifier. */
export interface ProbePlace {
  /** Block, from 0. */
  readonly layer: number;
  /** The class token or the mean of the patch tokens. */
  readonly token: ProbeToken;
}

/** Shape and initialisation of the classifiers. */
export interface ProbeConfig {
  /** One classifier each. */
  readonly places: readonly ProbePlace[];
  /** Width of the encoder. */
  readonly embedDim: number;
  /** Number of classes. */
  readonly classes: number;
  /** Whether a batch norm without affine parameters precedes each classifier. */
  readonly batchNorm: boolean;
  /** Standard deviation of the initial weights. */
  readonly initDeviation: number;
}

const batchNormEpsilon = 1e-6;

/** `layer3.cls`: the name used for a classifier's parameters and accuracies. */
export function placeName({ layer, token }: ProbePlace): string {
  return `layer${layer}.${token}`;
}

/**
 * The classifiers. Their parameters are independent, so training them together changes nothing.
 *
 * @example
 * ```ts
 * import { createReferenceBackend } from "../backends/reference/mod.ts";
 * import { Generator } from "../core/generator.ts";
 * import { LinearProbes } from "./linear_probes.ts";
 *
 * const backend = await createReferenceBackend();
 * const probes = LinearProbes.create({ backend, precision: "float32" }, {
 *   places: [{ layer: 2, token: "clsAndMean" }],
 *   embedDim: 4, classes: 3, batchNorm: false, initDeviation: 0.01,
 * }, Generator.from(0));
 * if (probes.parameters.count !== 3 * 8 + 3 || probes.requests.length !== 2) throw new Error();
 * probes.dispose();
 * ```
 */
export class LinearProbes {
  /** Shape and places. */
  readonly config: ProbeConfig;
  /** Weights and biases, and the running statistics of their batch norms. */
  readonly parameters: ParameterSet;

  private constructor(config: ProbeConfig, parameters: ParameterSet) {
    this.config = config;
    this.parameters = parameters;
  }

  /** Classifiers with weights of N(0, `initDeviation`²) and zero biases. */
  static create(on: Context, config: ProbeConfig, generator: Generator): LinearProbes {
    const initialise = initialisePlain(generator);
    return new LinearProbes(config, ParameterSet.create(on, probeSpecs(config), initialise));
  }

  /** The encoder features that {@link LinearProbes.logits} needs, each once. */
  get requests(): FeatureRequest[] {
    const wanted = this.config.places.flatMap(({ layer, token }): FeatureRequest[] => {
      if (token !== "clsAndMean") return [{ layer, kind: token }];
      return [{ layer, kind: "cls" }, { layer, kind: "meanPatches" }];
    });
    const seen = new Set<string>();
    return wanted.filter(({ layer, kind }) => {
      const key = `${layer}.${kind}`;
      return seen.has(key) ? false : (seen.add(key), true);
    });
  }

  /**
   * Class scores of all classifiers, in float32.
   *
   * @param features for {@link LinearProbes.requests}, each [B, C]
   * @param isTraining normalises by the batch and updates the running statistics, unless `on`
   * watches
   * @returns one [B, classes] for each place
   */
  logits(on: Context, features: readonly Tensor[], isTraining: boolean): Tensor[] {
    const exact: Context = { ...on, precision: "float32" };
    return this.config.places.map((place) => {
      const own = this.parameters.scope(placeName(place));
      const raw = this.inputOf(place, features);
      const x = this.config.batchNorm ? this.#normalize(on, place, raw, isTraining) : raw;
      return linearLayer(exact, own, x, { needsInputGradient: false });
    });
  }

  /**
   * What the classifier of a place sees, [B, C] or [B, 2·C], before its batch norm.
   *
   * @param features for {@link LinearProbes.requests}, each [B, C]
   */
  inputOf({ layer, token }: ProbePlace, features: readonly Tensor[]): Tensor {
    const { requests } = this;
    const take = (kind: string) =>
      features[requests.findIndex((wanted) => wanted.layer === layer && wanted.kind === kind)];
    if (token !== "clsAndMean") return take(token);
    return tf.concat([take("cls"), take("meanPatches")], 1);
  }

  #normalize(on: Context, place: ProbePlace, x: Tensor, isTraining: boolean): Tensor {
    const own = this.parameters.scope(placeName(place));
    const [mean, variance] = [own.parameter("mean"), own.parameter("variance")];
    const [normalized] = withoutGradient(() => {
      if (!isTraining) return [standardize(x, mean.value, variance.value)];
      const batch = tf.moments(x, 0);
      if (on.watch !== undefined) return [standardize(x, batch.mean, batch.variance)];
      moveStatistics(mean, variance, batch, x.shape[0]);
      return [standardize(x, batch.mean, batch.variance)];
    });
    return normalized;
  }

  /** Frees the parameters. */
  dispose(): void {
    this.parameters.dispose();
  }
}

function standardize(x: Tensor, mean: Tensor, variance: Tensor): Tensor {
  return tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, batchNormEpsilon)));
}

/** The parameters of all classifiers. */
export function probeSpecs(config: ProbeConfig): ParameterSpec[] {
  return config.places.flatMap((place) => placeSpecs(config, place));
}

function placeSpecs(
  { embedDim, classes, batchNorm, initDeviation }: ProbeConfig,
  place: ProbePlace,
): ParameterSpec[] {
  const width = place.token === "clsAndMean" ? 2 * embedDim : embedDim;
  const name = placeName(place);
  return [
    ...affineSpecs(name, [classes, width], () => matrix(normal(initDeviation))),
    ...(batchNorm ? runningSpecs(`${name}.mean`, `${name}.variance`, width) : []),
  ];
}
