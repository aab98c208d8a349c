/**
 * Rows computed by several ranks, gathered on all of them.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import { communicatorOf, type Context } from "../../backends/backend.ts";

/**
 * The rows [n, D] of all ranks, by rank, as one new tensor.
 *
 * @param takesPart whether this rank's rows are among them
 */
export async function gatherRows(on: Context, rows: Tensor, takesPart = true): Promise<Tensor> {
  const own = await rows.data() as Float32Array;
  const length = takesPart ? own.byteLength : 0;
  const bytes = new Uint8Array(own.buffer, own.byteOffset, length);
  const parts = await communicatorOf(on).gather(bytes);
  const width = rows.shape[1]!;
  return on.backend.run(() =>
    tf.tidy(() =>
      tf.concat(parts.map((part) => {
        const values = new Float32Array(part.buffer);
        return tf.tensor2d(values, [values.length / width, width]);
      }))
    )
  );
}
