/**
 * The parameters and buffers of one model, by name, in checkpoint order.
 *
 * @module
 */

import { tf } from "../deps/tfjs.ts";
import type { Tensor } from "../deps/tfjs.ts";
import type { Context } from "../backends/backend.ts";
import { Parameter } from "../backends/parameter.ts";
import { UserError } from "../core/errors.ts";
import type { Generator } from "../core/generator.ts";
import { formatShape, sameShape, sizeOf } from "../core/shapes.ts";
import type { InitScheme } from "./initial_values.ts";

/** A layer's declaration of a parameter. */
export interface ParameterSpec {
  /** Its name, as in a checkpoint. */
  readonly name: string;
  /** Its dimensions. */
  readonly shape: readonly number[];
  /** false for buffers (codebook, counters), which the optimizer leaves alone; default: true. */
  readonly isTrainable?: boolean;
  /**
   * Initial values, row-major; default: those of a learned token, N(0, 0.02²), for more than one axis,
   * otherwise 0.
   *
   * @param generator for this parameter alone, split from the run's seed
   * @param scheme the initial values that differ between variants
   */
  readonly initialise?: (
    generator: Generator,
    shape: readonly number[],
    scheme: InitScheme,
  ) => Float32Array;
}

/** A parameter's values on the host: float32, row-major. */
export interface NamedValues {
  /** Its dimensions. */
  readonly shape: readonly number[];
  /** As many as the product of the dimensions. */
  readonly values: Float32Array;
}

/** Values that are read back from a device when their turn comes, one in memory at a time. */
export interface LazyValues {
  /** Its dimensions. */
  readonly shape: readonly number[];
  /** The values, to be used immediately and not modified: a backend may hold them too. */
  read(): Promise<Float32Array>;
}

/** How to read back the parameters' values, by name, in order. */
export function lazily(parameters: Iterable<Parameter>): Map<string, LazyValues> {
  const read = (parameter: Parameter): LazyValues => ({
    shape: [...parameter.shape],
    read: async () => await parameter.value.data() as Float32Array,
  });
  return new Map(Array.from(parameters, (parameter) => [parameter.name, read(parameter)]));
}

/** The values, read back if necessary. */
export async function valuesOf(given: NamedValues | LazyValues): Promise<Float32Array> {
  return "values" in given ? given.values : await given.read();
}

/** Reads everything into newly allocated memory. */
export async function readAll(
  lazy: ReadonlyMap<string, LazyValues>,
): Promise<Map<string, NamedValues>> {
  const values = new Map<string, NamedValues>();
  for (const [name, { shape, read }] of lazy) {
    values.set(name, { shape, values: (await read()).slice() });
  }
  return values;
}

/** Returns a parameter's initial values: `sizeOf(spec.shape)` numbers, row-major. */
export type Initialise = (spec: ParameterSpec) => Float32Array;

/**
 * Initial values from a checkpoint, or from `otherwise` if it has none.
 *
 * @throws UserError for a tensor with another shape, and for a missing one if `otherwise` is null
 */
export function initialiseFrom(
  values: ReadonlyMap<string, NamedValues>,
  otherwise: Initialise | null,
): Initialise {
  return (spec) => {
    const found = values.get(spec.name);
    if (found === undefined && otherwise !== null) return otherwise(spec);
    if (found === undefined) {
      throw new UserError(`Cannot load "${spec.name}": it is missing`, {
        hint: "the checkpoint is of another model; check the model section of the config",
      });
    }
    checkShape(spec.name, spec.shape, found.shape);
    return found.values;
  };
}

/** The number of trainable scalars in specs, excluding buffers. */
export function countTrainable(specs: readonly ParameterSpec[]): number {
  return specs.reduce(
    (sum, spec) => spec.isTrainable === false ? sum : sum + sizeOf(spec.shape),
    0,
  );
}

/** The number of values in all trainable parameters in specs, and in the largest one, for a memory plan. */
export function parameterSizes(
  specs: readonly ParameterSpec[],
): { readonly parameters: number; readonly largestParameter: number } {
  const largestParameter = specs.reduce((most, { shape }) => Math.max(most, sizeOf(shape)), 0);
  return { parameters: countTrainable(specs), largestParameter };
}

/** The parameters below a prefix, as a layer sees them: `weight` instead of `blocks.0.norm1.weight`. */
export class ParameterScope {
  readonly #parameters: ReadonlyMap<string, Parameter>;
  readonly #prefix: string;

  /** The parameters whose names start with `prefix`, which callers omit. */
  constructor(parameters: ReadonlyMap<string, Parameter>, prefix: string) {
    this.#parameters = parameters;
    this.#prefix = prefix;
  }

  /** The tensor of the parameter `prefix.name`; an error if there is none. */
  value(name: string): Tensor {
    return this.parameter(name).value;
  }

  /** The parameter of a name within the scope; throws if there is none. */
  parameter(name: string): Parameter {
    const parameter = this.#parameters.get(this.#prefix + name);
    if (parameter === undefined) throw new Error(`No parameter "${this.#prefix}${name}"`);
    return parameter;
  }

  /** The tensors of all trainable parameters below the prefix. */
  trainableValues(): Tensor[] {
    return [...this.#parameters]
      .filter(([name, { isTrainable }]) => name.startsWith(this.#prefix) && isTrainable)
      .map(([, { value }]) => value);
  }

  /** Whether there is a parameter of that name within the scope. */
  has(name: string): boolean {
    return this.#parameters.has(this.#prefix + name);
  }

  /** A narrower scope: `scope("blocks.0").scope("attn")` sees `blocks.0.attn.…`. */
  scope(prefix: string): ParameterScope {
    return new ParameterScope(this.#parameters, `${this.#prefix}${prefix}.`);
  }
}

/**
 * An ordered map from names to {@link Parameter}s.
 *
 * @example Two parameters, read back
 * ```ts
 * import "../deps/tfjs_cpu.ts";
 * import { tf } from "../deps/tfjs.ts";
 * import type { Backend, Context } from "../backends/backend.ts";
 * import { ParameterSet } from "./parameter_set.ts";
 *
 * await tf.setBackend("cpu");
 * const backend = { run: <T>(work: () => T) => work() } as Backend;
 * const on: Context = { backend, precision: "float32" };
 * const specs = [{ name: "norm.weight", shape: [3] }, { name: "norm.bias", shape: [3] }];
 * const parameters = ParameterSet.create(on, specs, () => new Float32Array([1, 2, 3]));
 * const values = await parameters.export();
 * if (values.get("norm.bias")?.values[2] !== 3) throw new Error();
 * parameters.dispose();
 * ```
 */
export class ParameterSet extends ParameterScope implements Iterable<Parameter> {
  readonly #parameters: Map<string, Parameter>;

  private constructor(parameters: Map<string, Parameter>) {
    super(parameters, "");
    this.#parameters = parameters;
  }

  /** Creates one parameter per spec on `on.backend`, with the values that `initialise` returns. */
  static create(
    on: Context,
    specs: readonly ParameterSpec[],
    initialise: Initialise,
  ): ParameterSet {
    const parameters = new Map<string, Parameter>();
    on.backend.run(() => {
      for (const spec of specs) {
        if (parameters.has(spec.name)) throw new Error(`Two parameters named "${spec.name}"`);
        const tensor = tf.keep(tf.tensor(initialise(spec), [...spec.shape], "float32"));
        const options = { isTrainable: spec.isTrainable ?? true };
        parameters.set(spec.name, new Parameter(spec.name, tensor, options));
      }
    });
    return new ParameterSet(parameters);
  }

  /** All parameters, in order. */
  [Symbol.iterator](): Iterator<Parameter> {
    return this.#parameters.values();
  }

  /** All names, in order. */
  get names(): string[] {
    return [...this.#parameters.keys()];
  }

  /** What the optimizer updates, in the same order as the gradients. */
  get trainable(): Parameter[] {
    return [...this].filter((parameter) => parameter.isTrainable);
  }

  /** What else the model keeps: running statistics, a codebook. */
  get frozen(): Parameter[] {
    return [...this].filter((parameter) => !parameter.isTrainable);
  }

  /** Number of trainable scalars. */
  get count(): number {
    return this.trainable.reduce((sum, parameter) => sum + sizeOf(parameter.shape), 0);
  }

  /**
   * Overwrites parameters with values from a checkpoint.
   *
   * @returns the names without a counterpart, on either side; only a wrong shape is an error
   */
  load(
    on: Context,
    values: ReadonlyMap<string, NamedValues>,
  ): { missing: string[]; unexpected: string[] } {
    const missing: string[] = [];
    for (const parameter of this) {
      const found = values.get(parameter.name);
      if (found !== undefined) checkShape(parameter.name, parameter.shape, found.shape);
      else missing.push(parameter.name);
    }
    on.backend.run(() => {
      for (const parameter of this) {
        const found = values.get(parameter.name);
        if (found === undefined) continue;
        parameter.assign(tf.keep(tf.tensor(found.values, [...parameter.shape], "float32")));
      }
    });
    const unexpected = [...values.keys()].filter((name) => !this.#parameters.has(name));
    return { missing, unexpected };
  }

  /**
   * Reads back all values, in order; for a large model it is better to read them one by one: {@link
   * lazy}.
   */
  async export(): Promise<Map<string, NamedValues>> {
    return await readAll(this.lazy());
  }

  /** The values in order, each read back on request. */
  lazy(): Map<string, LazyValues> {
    return lazily(this);
  }

  /** Frees all parameters. */
  dispose(): void {
    for (const parameter of this) parameter.dispose();
    this.#parameters.clear();
  }
}

/** Throws the {@link UserError} for a tensor whose shape differs from the model's. */
function checkShape(name: string, expected: readonly number[], found: readonly number[]): void {
  if (sameShape(expected, found)) return;
  throw new UserError(
    `Cannot load "${name}": expected shape ${formatShape(expected)}, found ${formatShape(found)}`,
    { hint: "the checkpoint is of another model; check the model section of the config" },
  );
}
