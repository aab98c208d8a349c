/**
 * Computation without gradients: frozen tokenizers, teachers, targets, statistics.
 *
 * @module
 */

import type { Tensor } from "../../deps/tfjs.ts";
import { engine } from "./engine.ts";

/**
 * Runs `work` so that an open tape records none of it, and frees everything but its results:
 * otherwise a frozen network's activations would be kept until the gradients are computed.
 *
 * @returns the tensors that `work` returned, constants as far as gradients are concerned
 *
 * @example
 * ```ts
 * import "../../deps/tfjs_cpu.ts";
 * import { tf } from "../../deps/tfjs.ts";
 * import { Tape } from "./tape.ts";
 * import { withoutGradient } from "./without_gradient.ts";
 *
 * await tf.setBackend("cpu");
 * tf.tidy(() => {
 *   const x = tf.tensor1d([3]);
 *   const tape = Tape.open();
 *   const [square] = withoutGradient(() => [tf.square(x)]);
 *   const [gradient] = tape.gradients(tf.sum(tf.mul(square, x)), [x]);
 *   if (gradient.dataSync()[0] !== 9) throw new Error("the square is no constant");
 * });
 * ```
 */
export function withoutGradient<Results extends readonly Tensor[]>(
  work: () => readonly [...Results],
): Results {
  // The engine stops recording inside a kernel, and this makes all of `work` a single kernel;
  // without inputs, it is on no path from a parameter to a loss.
  const results = engine().runKernelFunc({
    forwardFunc: () => [...work()],
    inputs: {},
    backwardsFunc: () => ({}),
  });
  return results as unknown as Results;
}
