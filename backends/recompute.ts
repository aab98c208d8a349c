import { type Tensor, tf } from "../deps/tfjs.ts";
import { pauseTape, Tape } from "./tfjs/tape.ts";
import { recordKernel } from "./tfjs/record_kernel.ts";

/** What {@link recompute} keeps for the second run. */
export interface RecomputeInputs {
  /** Passed to the work, null as null; gradients flow to them. */
  readonly inputs: Readonly<Record<string, Tensor | null>>;
  /** Passed to the work, null as null; no gradient flows to them. */
  readonly constants: Readonly<Record<string, Tensor | null>>;
  /** What the work reads by itself and gradients flow to; the work must read every one. */
  readonly parameters: readonly Tensor[];
}

/**
 * Runs `work` and keeps nothing for the backward pass except its inputs: there it runs a second time, under its
 * own tape (Chen et al. 2016, arXiv 1604.06174). It must be a pure function of its arguments and the
 * parameters: anything drawn at random is passed as a constant.
 *
 * @returns what `work` returns
 *
 * @example The gradient is that of the work
 * ```ts
 * import "../deps/tfjs_cpu.ts";
 * import { tf } from "../deps/tfjs.ts";
 * import { Tape } from "./tfjs/tape.ts";
 * import { recompute } from "./recompute.ts";
 *
 * await tf.setBackend("cpu");
 * tf.tidy(() => {
 *   const [x, weight] = [tf.tensor1d([3]), tf.tensor1d([5])];
 *   const tape = Tape.open();
 *   let runs = 0;
 *   const y = recompute({ inputs: { x }, constants: {}, parameters: [weight] }, ({ x }) => {
 *     runs++;
 *     return tf.mul(tf.square(x!), weight);
 *   });
 *   const [dx, dweight] = tape.gradients(y, [x, weight]);
 *   if (dx.dataSync()[0] !== 30 || dweight.dataSync()[0] !== 9) throw new Error(`${dx} ${dweight}`);
 *   if (runs !== 2) throw new Error(`${runs} runs`);
 * });
 * ```
 */
export function recompute(
  { inputs, constants, parameters }: RecomputeInputs,
  work: (tensors: Readonly<Record<string, Tensor | null>>) => Tensor,
): Tensor {
  const input = presentOf(inputs);
  const constant = presentOf(constants);
  const parameterNames = parameters.map((_, index) => `parameter ${index}`);
  const [y] = recordKernel<Record<string, Tensor>>({
    inputs: named([...input.names, ...parameterNames], [...input.tensors, ...parameters]),
    forward: () => ({
      outputs: [pauseTape(() => work({ ...inputs, ...constants }))],
      saved: constant.tensors,
    }),
    backward: ([dy], kept, saved) => {
      const given = input.names.map((name) => kept[name]);
      const again = { ...named(input.names, given), ...named(constant.names, saved) };
      const tape = Tape.open();
      try {
        const y = tf.tidy(() => work({ ...inputs, ...constants, ...again }));
        const gradients = tape.gradients(y, [...given, ...parameters], dy);
        return named([...input.names, ...parameterNames], gradients);
      } finally {
        tape.close();
      }
    },
  });
  return y;
}

function presentOf(
  tensors: Readonly<Record<string, Tensor | null>>,
): { names: string[]; tensors: Tensor[] } {
  const present = Object.entries(tensors).filter((entry): entry is [string, Tensor] => !!entry[1]);
  return { names: present.map(([name]) => name), tensors: present.map(([, tensor]) => tensor) };
}

function named(names: readonly string[], tensors: readonly Tensor[]): Record<string, Tensor> {
  return Object.fromEntries(names.map((name, index) => [name, tensors[index]]));
}
