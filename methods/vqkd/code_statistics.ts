/**
 * The members of each code during a step, over all its micro-batches and ranks.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import { communicatorOf } from "../../backends/backend.ts";
import { sumOverRanks } from "../../distributed/reduce_values.ts";
import type { CodeStatistics } from "../../models/layers/codebook.ts";
import { withoutGradient } from "../../backends/tfjs/without_gradient.ts";
import { gatherRows } from "./gather_rows.ts";
import type { DeviceContext } from "../../pipeline/stage.ts";

/** Accumulates the hits of micro-batches, and returns the sum once per step. */
export class StepStatistics {
  #sums: CodeStatistics | null = null;

  /**
   * Takes the statistics of a micro-batch. On the step's last one, `use` receives those of the whole step:
   * immediately in a single process, after the tape is closed with several.
   *
   * @param rows [n, D] of the last micro-batch that `use` needs from all ranks
   */
  add(
    own: CodeStatistics,
    rows: Tensor | null,
    context: DeviceContext,
    use: (statistics: CodeStatistics, rows: Tensor | null) => void,
  ): void {
    const { on, microBatch, microBatches, share } = context;
    // Whatever another rank counts too is not counted here.
    this.#keep(share > 0 ? own : zerosLike(own));
    if (microBatch < microBatches - 1) return;
    const { counts, sums } = this.#sums!;
    this.#sums = null;
    const communicator = communicatorOf(on);
    if (communicator.size === 1) {
      use({ counts, sums }, rows);
      tf.dispose([counts, sums]);
      return;
    }
    const kept = rows === null ? null : tf.keep(tf.clone(rows));
    void context.afterTape(async () => {
      const values = await Promise.all([counts.data(), sums.data()]);
      const shared = await sumOverRanks(communicator, values as Float32Array[]);
      const places = kept === null ? null : await gatherRows(on, kept, share > 0);
      on.backend.run(() =>
        tf.tidy(() =>
          use({
            counts: tf.tensor(shared[0], counts.shape),
            sums: tf.tensor(shared[1], sums.shape),
          }, places)
        )
      );
      for (const tensor of [counts, sums, kept, places]) tensor?.dispose();
    });
  }

  #keep(own: CodeStatistics): void {
    const old = this.#sums;
    const [counts, sums] = withoutGradient(() =>
      old === null
        ? [tf.clone(own.counts), tf.clone(own.sums)]
        : [tf.add(old.counts, own.counts), tf.add(old.sums, own.sums)]
    );
    if (old !== null) tf.dispose([old.counts, old.sums]);
    this.#sums = { counts: tf.keep(counts), sums: tf.keep(sums) };
  }
}

function zerosLike({ counts, sums }: CodeStatistics): CodeStatistics {
  const [noCounts, noSums]: Tensor[] = withoutGradient(() => [
    tf.zerosLike(counts),
    tf.zerosLike(sums),
  ]);
  return { counts: noCounts, sums: noSums };
}
