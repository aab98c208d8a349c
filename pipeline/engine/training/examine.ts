/**
 * Repeats a micro-batch to find its first non-finite tensor.
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
import { type DeviceContext, runWithoutWaiting, type Stage } from "../../stage.ts";

/** One micro-batch of a step, and everything that determines its numbers except the parameters. */
export interface ExaminedMicroBatch<Batch> {
  readonly on: Context;
  readonly stages: Stage<Batch, StepOutput>;
  readonly batch: Batch;
  /** Optimizer step and micro-batch, both from 0, and the number of micro-batches. */
  readonly step: number;
  readonly microBatch: number;
  readonly microBatches: number;
  /** As in its original {@link DeviceContext}. */
  readonly firstImage: number;
  readonly share: number;
  readonly generator: Generator;
  /** The factor that its loss is scaled by. */
  readonly lossScale: number;
  /** A stage whose output is wanted, so that those before it need not be repeated. */
  readonly keepsOutputOf?: string | null;
}

/** What was observed in a micro-batch. */
export interface Examination {
  /** The first non-finite tensor; null if all are finite. */
  readonly found: Observation | null;
  /** The output of the stage `keepsOutputOf`: its tensors, read back, by key. */
  readonly kept: ReadonlyMap<string, HostTensor>;
}

/** A tensor that is not on any device. */
export interface HostTensor {
  /** Its dimensions. */
  readonly shape: readonly number[];
  /** Row-major. */
  readonly values: Float32Array | Int32Array;
}

/** Runs one micro-batch, forward and backward, while watching it; nothing is updated. */
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
        const context: DeviceContext = {
          on: { ...on, watch },
          step,
          microBatch,
          microBatches,
          firstImage,
          share,
          // Nothing is updated, so there is nothing to send to other ranks.
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
