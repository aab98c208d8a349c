/**
 * Runs a micro-batch again to find its first tensor that is not finite.
 *
 * @module
 */

import { type Tensor, tf } from "../../../deps/tfjs.ts";
import type { Context } from "../../../backends/backend.ts";
import { Tape } from "../../../backends/tfjs/tape.ts";
import { type Observation, Watch } from "../../../backends/watch.ts";
import { Stopwatch } from "../../../core/clock.ts";
import type { Generator } from "../../../core/generator.ts";
import type { StepOutput } from "../../batch.ts";
import { runWithoutWaiting, type Stage, type StepContext } from "../../stage.ts";

/** One micro-batch of a step, and all that its numbers follow from but the parameters. */
export interface ExaminedMicroBatch<Batch> {
  readonly on: Context;
  readonly stages: Stage<Batch, StepOutput>;
  readonly batch: Batch;
  /** Optimizer step and micro-batch, both from 0, and the number of micro-batches. */
  readonly step: number;
  readonly microBatch: number;
  readonly microBatches: number;
  /** As in the {@link StepContext} that it had. */
  readonly firstImage: number;
  readonly share: number;
  readonly generator: Generator;
  /** What its loss is scaled by. */
  readonly lossScale: number;
  /** A stage whose output is wanted, so that those before it need not be run again. */
  readonly keepsOutputOf?: string | null;
}

/** What was seen of a micro-batch. */
export interface Examination {
  /** The first tensor that is not finite; null where all are. */
  readonly found: Observation | null;
  /** What the stage of `keepsOutputOf` gave: its tensors read back, by their keys. */
  readonly kept: ReadonlyMap<string, HostTensor>;
}

/** A tensor away from any device. */
export interface HostTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array;
}

/** Runs one micro-batch under a watch: forward, then backward; nothing is updated. */
export async function examineMicroBatch<Batch>(
  examined: ExaminedMicroBatch<Batch>,
): Promise<Examination> {
  const { on, stages, batch } = examined;
  const { step, microBatch, microBatches, firstImage, share, generator } = examined;
  const watch = new Watch(examined);
  on.backend.run(() =>
    tf.tidy(() => {
      const tape = Tape.open();
      try {
        const context: StepContext = {
          on: { ...on, watch },
          step,
          microBatch,
          microBatches,
          firstImage,
          share,
          // Nothing is updated, so there is nothing to tell other ranks.
          afterTape: () => new Promise(() => {}),
          tape,
          generator,
          stopwatch: new Stopwatch(),
        };
        runWithoutWaiting(stages, batch, context);
      } finally {
        tape.close();
      }
    })
  );
  const found = await watch.firstBad();
  const kept = new Map<string, HostTensor>();
  for (const [name, tensor] of watch.kept) {
    kept.set(name, { shape: tensor.shape, values: await valuesOf(tensor) });
    tensor.dispose();
  }
  return { found, kept };
}

async function valuesOf(tensor: Tensor): Promise<Float32Array | Int32Array> {
  const values = await tensor.data() as Float32Array | Int32Array;
  return values.slice();
}
