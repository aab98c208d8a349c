/**
 * Watches every tensor of a step, in the order of creation, to find the first that is not finite.
 *
 * A healthy step is not watched: {@link Context.watch} is unset, and an op checks it once. A step whose numbers
 * are not finite is repeated with a watch in its context. Ops are observed as wholes, whatever kernels they
 * consist of, so that every backend names the same tensor.
 *
 * @module
 */

import { type Tensor, tf } from "../deps/tfjs.ts";
import { recordKernel } from "./tfjs/record_kernel.ts";
import { nameOfParameter } from "./parameter.ts";

/** Which tensor in a step: names are the same on every backend. */
export interface TensorPlace {
  /** The stage that created it. */
  readonly stage: string;
  /** A parameter, what an op or a stage returned, or a gradient. */
  readonly kind: "parameter" | "output" | "gradient";
  /** The op that created or read it; null for what a stage returns and for a parameter's gradient. */
  readonly op: string | null;
  /**
   * The layer (`blocks.1.mlp.fc1`), the parameter, or the name under which a stage returns it. An
   * op without parameters is located by the layer before it: `after blocks.1.attn.qkv`.
   */
  readonly name: string;
}

/** The contents of a tensor. */
export interface TensorSummary {
  /** Its dimensions. */
  readonly shape: readonly number[];
  /** Number of values. */
  readonly size: number;
  /** Values that are not a number. */
  readonly nan: number;
  /** Values that are infinite. */
  readonly infinite: number;
  /** Smallest and largest of the finite values; null if there are none. */
  readonly range: readonly [number, number] | null;
}

/** A tensor of a step, its contents, and its values if they are not all finite. */
export interface Observation extends TensorPlace, TensorSummary {
  /** All values, if any of them is not finite; otherwise null. */
  readonly values: Float32Array | null;
}

interface Seen extends TensorPlace {
  readonly shape: readonly number[];
  /** The op's parameters, whose gradients come before those of the previous op. */
  readonly parameters: readonly string[];
  /** A summary if the backend can be read immediately, otherwise the tensor itself, kept. */
  readonly found: Observation | Tensor;
}

/** Counts non-finite values. */
export function summarize(shape: readonly number[], values: Float32Array): TensorSummary {
  let [nan, infinite, low, high] = [0, 0, Infinity, -Infinity];
  for (const value of values) {
    if (Number.isNaN(value)) nan++;
    else if (!Number.isFinite(value)) infinite++;
    else {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return { shape, size: values.length, nan, infinite, range: low > high ? null : [low, high] };
}

function observation(place: TensorPlace, shape: readonly number[], values: Float32Array) {
  const { stage, kind, op, name } = place;
  const summary = summarize(shape, values);
  const isBad = summary.nan + summary.infinite > 0;
  return { stage, kind, op, name, ...summary, values: isBad ? values.slice() : null };
}

/** `blocks.1.mlp.fc1.weight` → `blocks.1.mlp.fc1`; `cls_token` stays. */
function layerOf(parameter: string): string {
  const dot = parameter.lastIndexOf(".");
  return dot < 0 ? parameter : parameter.slice(0, dot);
}

/** How a micro-batch is watched. */
export interface WatchOptions {
  /** The factor for its loss: the optimizer's own scale may have changed since. */
  readonly lossScale: number;
  /** The stage whose tensors are kept in {@link Watch.kept}; null for none. */
  readonly keepsOutputOf?: string | null;
}

/** Collects the tensors of one micro-batch; see the module's description. */
export class Watch {
  /** The factor that the loss is multiplied by before the backward pass. */
  readonly lossScale: number;
  /** Tensors that one stage returned, by key; the caller frees them. */
  readonly kept = new Map<string, Tensor>();
  readonly #keepsOutputOf: string | null;
  #stage = "";
  #layer: string | null = null;
  readonly #forward: Seen[] = [];
  readonly #backward: Seen[] = [];
  readonly #parameterGradients = new Map<string, Seen>();
  readonly #seenParameters = new Set<string>();
  /**
   * The stage in which each op was first seen: a block that is recomputed in the backward pass
   * keeps its own.
   */
  readonly #stages = new Map<string, string>();

  /** Starts with nothing seen. */
  constructor({ lossScale, keepsOutputOf = null }: WatchOptions) {
    this.lossScale = lossScale;
    this.#keepsOutputOf = keepsOutputOf;
  }

  /** Says which stage is running from now on. */
  enter(stage: string): void {
    this.#stage = stage;
  }

  /** Observes all tensors among the values that the stage returns. */
  stageOutput(value: unknown): void {
    this.#stageValue(value, "");
  }

  #stageValue(value: unknown, name: string): void {
    if (value instanceof tf.Tensor) {
      if (this.#stage === this.#keepsOutputOf) this.kept.set(name, tf.keep(tf.clone(value)));
      return this.#see("output", null, name, value);
    }
    if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return;
    if (Array.isArray(value) && !(value[0] instanceof tf.Tensor)) return;
    for (const [key, inner] of Object.entries(value)) {
      // Details and the update are counts and flags of the step, not part of the model.
      if (name === "" && (key === "update" || key === "details")) continue;
      this.#stageValue(inner, name === "" ? key : `${name}.${key}`);
    }
  }

  /** Observes what an op read and returned; use `observed` from `observed.ts`. */
  op(op: string, parameters: readonly (Tensor | null)[], output: Tensor): Tensor {
    const names: string[] = [];
    for (const parameter of parameters) {
      const name = parameter === null ? undefined : nameOfParameter(parameter);
      if (name === undefined) continue;
      names.push(name);
      if (this.#seenParameters.has(name)) continue;
      this.#seenParameters.add(name);
      this.#see("parameter", op, name, parameter!);
    }
    if (names.length > 0) this.#layer = layerOf(names[0]);
    const layer = names.length > 0 ? this.#layer! : `after ${this.#layer ?? "the stage's input"}`;
    const stage = this.#stages.get(`${op} ${layer}`) ?? this.#stage;
    this.#stages.set(`${op} ${layer}`, stage);
    this.#push(this.#forward, { stage, kind: "output", op, name: layer }, output, []);
    const [y] = recordKernel({
      inputs: { output },
      forward: () => ({ outputs: [tf.clone(output)], saved: [] }),
      backward: ([dy]) => {
        this.#push(this.#backward, { stage, kind: "gradient", op, name: layer }, dy, names);
        return { output: dy };
      },
    });
    return y;
  }

  /** Observes the gradients of parameters once the backward pass is done. */
  gradientsOf(names: readonly string[], gradients: readonly Tensor[]): void {
    for (const [index, name] of names.entries()) {
      const place = { stage: this.#stage, kind: "gradient", op: null, name } as const;
      const list: Seen[] = [];
      this.#push(list, place, gradients[index], []);
      if (list.length > 0) this.#parameterGradients.set(name, list[0]);
    }
  }

  #see(kind: TensorPlace["kind"], op: string | null, name: string, tensor: Tensor): void {
    this.#push(this.#forward, { stage: this.#stage, kind, op, name }, tensor, []);
  }

  #push(
    list: Seen[],
    place: TensorPlace,
    tensor: Tensor,
    parameters: readonly string[],
  ): void {
    if (tensor.dtype !== "float32") return;
    list.push({ ...place, shape: tensor.shape, parameters, found: this.#look(place, tensor) });
  }

  /** The summary if the values can be read immediately; a GPU's are read later. */
  #look(place: TensorPlace, tensor: Tensor): Observation | Tensor {
    try {
      return observation(place, tensor.shape, tensor.dataSync() as Float32Array);
    } catch {
      return tf.keep(tf.clone(tensor));
    }
  }

  /**
   * The first tensor that is not finite: first forward in the order of the ops, then gradients
   * backwards, those of an op's parameters after that of its output. null if all are finite. Frees
   * what was kept.
   */
  async firstBad(): Promise<Observation | null> {
    const all = [...this.#forward, ...this.#inBackwardOrder()];
    let bad: Observation | null = null;
    for (const seen of all) {
      const found = await read(seen, bad !== null);
      if (bad === null && found !== null && found.nan + found.infinite > 0) bad = found;
    }
    return bad;
  }

  #inBackwardOrder(): Seen[] {
    const rest = new Map(this.#parameterGradients);
    const ordered: Seen[] = [];
    for (const seen of this.#backward) {
      ordered.push(seen);
      for (const name of seen.parameters) {
        const gradient = rest.get(name);
        if (gradient !== undefined) ordered.push(gradient);
        rest.delete(name);
      }
    }
    return [...ordered, ...rest.values()];
  }
}

/** What was observed; only frees it if nothing more is needed. */
async function read(seen: Seen, onlyFree: boolean): Promise<Observation | null> {
  const { found } = seen;
  if (!(found instanceof tf.Tensor)) return found as Observation;
  const tensor = found as Tensor;
  const values = onlyFree ? null : await tensor.data() as Float32Array;
  tensor.dispose();
  return values === null ? null : observation(seen, seen.shape, values);
}

/** `stage "encode", layer blocks.1.mlp.fc1: output of linear [4, 17, 32], 12 NaN of 2176 …`. */
export function describeObservation(found: TensorPlace & TensorSummary): string {
  const { stage, kind, op, name, shape, size, nan, infinite, range } = found;
  const what = op === null
    ? kind === "gradient" ? `gradient of ${name}` : `output "${name}"`
    : kind === "parameter"
    ? `parameter ${name}, read by ${op},`
    : kind === "gradient"
    ? `gradient of the output of ${op}`
    : `output of ${op}`;
  const layer = op === null || kind === "parameter"
    ? ""
    : name.startsWith("after ")
    ? `, ${name}`
    : `, layer ${name}`;
  const counts = [nan > 0 ? `${nan} NaN` : "", infinite > 0 ? `${infinite} infinite` : ""];
  const number = (value: number) => Number(value.toPrecision(4));
  const others = range === null
    ? "none is finite"
    : `the others in [${number(range[0])}, ${number(range[1])}]`;
  return `stage "${stage}"${layer}: ${what} [${shape.join(", ")}] has ` +
    `${counts.filter(Boolean).join(" and ") || "0 NaN"} of ${size} values, ${others}`;
}
