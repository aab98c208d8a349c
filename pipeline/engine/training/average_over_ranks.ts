/**
 * Parameters that no gradient updates, kept identical on all ranks.
 *
 * @module
 */

import { tf } from "../../../deps/tfjs.ts";
import { communicatorOf, type Context } from "../../../backends/backend.ts";
import type { Parameter } from "../../../backends/parameter.ts";
import { sumOverRanks } from "../../../distributed/reduce_values.ts";

/** Replaces each parameter by its mean over all ranks; does nothing in a single process. */
export async function averageOverRanks(
  on: Context,
  parameters: readonly Parameter[],
): Promise<void> {
  const communicator = communicatorOf(on);
  if (communicator.size === 1 || parameters.length === 0) return;
  const own = await Promise.all(parameters.map(({ value }) => value.data()));
  const sums = await sumOverRanks(communicator, own as Float32Array[]);
  on.backend.run(() => {
    for (const [index, parameter] of parameters.entries()) {
      const mean = sums[index].map((sum) => sum / communicator.size);
      parameter.assign(tf.keep(tf.tensor(mean, parameter.shape)));
    }
  });
}
