/**
 * VQ-KD's codebook: unit vectors that follow the patches assigned to them, by exponential moving averages
 * (after `norm_ema_quantizer.py` of microsoft/unilm).
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import { codeStatistics } from "../../backends/ops/code_statistics.ts";
import { emaCodebookUpdate } from "../../backends/ops/ema_codebook_update.ts";
import { nearestCode } from "../../backends/ops/nearest_code.ts";
import type { Parameter } from "../../backends/parameter.ts";
import { withoutGradient } from "../../backends/tfjs/without_gradient.ts";
import type { Generator } from "../../core/generator.ts";
import { type Fill, unitRows, zeros } from "../initial_values.ts";
import type { ParameterScope, ParameterSpec } from "../parameter_set.ts";
import { sphericalKMeans } from "../spherical_k_means.ts";

/** Number of members of each code in a batch, and the sums of their z. */
export interface CodeStatistics {
  /** [K]. */
  readonly counts: Tensor;
  /** [K, D]. */
  readonly sums: Tensor;
}

/** Restarts codes that no patch has hit for a while. */
export interface RestartOptions {
  /** Updates without a hit after which a code is restarted. */
  readonly idleSteps: number;
  /** z of the batch from which restarted codes are drawn, [n, D]. */
  readonly z: Tensor;
  /** Draws the rows of z. */
  readonly generator: Generator;
}

/**
 * The buffers of a codebook of K codes. Two that unilm stores but never reads (`embedding.cluster_size`,
 * `.embed_avg`) are omitted; `idle_steps` is ours: steps since a code was last hit.
 */
export function codebookSpecs(prefix: string, codes: number, codeDim: number): ParameterSpec[] {
  const buffer = (name: string, shape: number[], initialise: Fill = zeros): ParameterSpec => {
    return { name: `${prefix}.${name}`, shape, isTrainable: false, initialise };
  };
  return [
    buffer("cluster_size", [codes]),
    buffer("embedding.weight", [codes, codeDim], unitRows),
    buffer("embedding.initted", [1]),
    buffer("idle_steps", [codes]),
  ];
}

/** The codes and their usage. */
export class Codebook {
  readonly #vectors: Parameter;
  readonly #clusterSize: Parameter;
  readonly #idleSteps: Parameter;
  readonly #isInitialised: Parameter;
  readonly #decay: number;

  /** On the parameters of `quantize`; `decay` is the share of the old code in its moving average. */
  constructor(parameters: ParameterScope, decay: number) {
    this.#vectors = parameters.parameter("embedding.weight");
    this.#clusterSize = parameters.parameter("cluster_size");
    this.#idleSteps = parameters.parameter("idle_steps");
    this.#isInitialised = parameters.parameter("embedding.initted");
    this.#decay = decay;
  }

  /** The code vectors, [K, D]. */
  get vectors(): Tensor {
    return this.#vectors.value;
  }

  /** Number K of codes. */
  get codes(): number {
    return this.vectors.shape[0];
  }

  /** The parameters that {@link Codebook.update} changes. */
  get moving(): Parameter[] {
    return [this.#vectors, this.#clusterSize, this.#idleSteps];
  }

  /** z [n, D] → the nearest codes' ids, int32 [n]. If two codes are equally close, the lower id wins. */
  nearest(on: Context, z: Tensor): Tensor {
    return nearestCode(on, z, this.vectors);
  }

  /** Whether the codebook has been initialised; reads one number back. */
  async isInitialised(): Promise<boolean> {
    const [flag] = await this.#isInitialised.value.data();
    return flag !== 0;
  }

  /** Members and sums of each code, z [n, D] and ids int32 [n] → {@link CodeStatistics}. */
  statistics(on: Context, z: Tensor, ids: Tensor): CodeStatistics {
    const [counts, sums] = withoutGradient(() => {
      const statistics = codeStatistics(on, z, ids, this.codes);
      return [statistics.counts, statistics.sums];
    });
    return { counts, sums };
  }

  /**
   * One EMA update of codebook and cluster sizes, statistics [K], [K, D] → nothing. With several
   * micro-batches, add up their statistics and call this once per step.
   */
  update(on: Context, statistics: CodeStatistics, restart?: RestartOptions): void {
    const idleSteps = this.#idleSteps;
    emaCodebookUpdate(on, this.#vectors, this.#clusterSize, statistics, this.#decay);
    const [idle] = withoutGradient(() => {
      const isHit = tf.greater(statistics.counts, 0);
      return [tf.where(isHit, tf.zerosLike(idleSteps.value), tf.add(idleSteps.value, 1))];
    });
    idleSteps.assign(tf.keep(idle));
    if (restart !== undefined) this.#restart(restart);
  }

  /**
   * Updates the cluster sizes from the codes' usage without changing the codes, as the reference does in
   * evaluation, statistics [K] → nothing.
   */
  countUses({ counts }: Pick<CodeStatistics, "counts">): void {
    const decay = this.#decay;
    const [updated] = withoutGradient(() => [
      tf.add(tf.mul(this.#clusterSize.value, decay), tf.mul(counts, 1 - decay)),
    ]);
    this.#clusterSize.assign(tf.keep(updated));
  }

  /** Initialises the codebook by k-means over samples, unit rows [n, D]; best with n ≥ K. */
  initialise(on: Context, samples: Tensor, generator: Generator, iterations = 10): void {
    const rows = drawRows(generator, samples.shape[0], this.codes);
    const [means] = withoutGradient(() => {
      const first = tf.gather(samples, tf.tensor1d(rows, "int32"));
      return [sphericalKMeans(on, samples, first, iterations).means];
    });
    this.#vectors.assign(tf.keep(means));
    this.#isInitialised.assign(tf.keep(tf.ones([1])));
  }

  #restart({ idleSteps, z, generator }: RestartOptions): void {
    const idle = this.#idleSteps;
    const rows = drawRows(generator, z.shape[0], this.codes);
    const [newCodes, newIdle] = withoutGradient(() => {
      const isDead = tf.greaterEqual(idle.value, idleSteps);
      const places = tf.gather(z, tf.tensor1d(rows, "int32"));
      const column = tf.broadcastTo(tf.reshape(isDead, [-1, 1]), this.vectors.shape);
      return [
        tf.where(column, places, this.vectors),
        tf.where(isDead, tf.zerosLike(idle.value), idle.value),
      ];
    });
    this.#vectors.assign(tf.keep(newCodes));
    idle.assign(tf.keep(newIdle));
  }
}

/** `wanted` of `rows` row numbers: distinct if there are enough, otherwise with repetitions. */
function drawRows(generator: Generator, rows: number, wanted: number): Int32Array {
  if (rows >= wanted) return Int32Array.from(generator.permutation(rows).subarray(0, wanted));
  return Int32Array.from({ length: wanted }, () => generator.integer(0, rows - 1));
}
