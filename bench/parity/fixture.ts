import type { Backend, Context } from "../../backends/backend.ts";
import type { Parameter } from "../../backends/parameter.ts";
import type { Tape } from "../../backends/tfjs/tape.ts";
import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { NamedValues } from "../../models/parameter_set.ts";

/** The tensors of one fixture. */
export class Fixture {
  readonly #tensors: ReadonlyMap<string, NamedValues>;

  constructor(tensors: ReadonlyMap<string, NamedValues>) {
    this.#tensors = tensors;
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  get(name: string): NamedValues {
    const found = this.#tensors.get(name);
    if (found === undefined) throw new Error(`the fixture has no "${name}"`);
    return found;
  }

  values(name: string): Float32Array {
    return this.get(name).values;
  }

  number(name: string): number {
    return this.values(name)[0];
  }

  /** The tensors below a prefix, named by the remainder. */
  below(prefix: string): Map<string, NamedValues> {
    const found = new Map<string, NamedValues>();
    for (const [name, value] of this.#tensors) {
      if (name.startsWith(prefix)) found.set(name.slice(prefix.length), value);
    }
    return found;
  }

  /** The tensor on the backend, with its own shape. */
  tensor(name: string): Tensor {
    const { shape, values } = this.get(name);
    return tf.tensor(values, [...shape], "float32");
  }

  /** The tensor as a flat int32 tensor on the backend. */
  integers(name: string): Tensor {
    return tf.tensor1d(Int32Array.from(this.values(name)), "int32");
  }
}

/** Runs `work` on the backend, keeps the tensors it returns, and reads them back. */
export async function readBack<Names extends string>(
  backend: Backend,
  work: () => Record<Names, Tensor>,
): Promise<Record<Names, Float32Array>> {
  const tensors = backend.run(() => tf.tidy(work));
  const values: [string, Float32Array][] = [];
  for (const [name, tensor] of Object.entries<Tensor>(tensors)) {
    values.push([name, Float32Array.from(await tensor.data())]);
  }
  tf.dispose(tensors);
  return Object.fromEntries(values) as Record<Names, Float32Array>;
}

/**
 * The factor for the loss in reduced precision, so that small gradients do not underflow: like a
 * run's loss scale.
 */
const lossScale = 4096;

/** Gradients of `loss`, computed with the scale that the precision needs and then unscaled. */
export function takeGradients(
  on: Context,
  tape: Tape,
  loss: Tensor,
  parameters: readonly Parameter[],
): Tensor[] {
  const values = parameters.map(({ value }) => value);
  if (on.precision === "float32") return tape.gradients(loss, values);
  const scaled = tape.gradients(loss, values, tf.scalar(lossScale));
  return scaled.map((gradient) => tf.div(gradient, lossScale));
}

/** Gradients under their parameters' names, with a prefix that no other output has. */
export function nameGradients(
  names: readonly string[],
  gradients: readonly Tensor[],
): Record<`gradient:${string}`, Tensor> {
  return Object.fromEntries(names.map((name, index) => [`gradient:${name}`, gradients[index]]));
}
