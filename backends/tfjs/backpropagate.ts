/**
 * The backward pass through what a tape has recorded. tfjs' own keeps every activation and every gradient until
 * the last one has been computed; here each is freed as soon as the op that needs it is done.
 *
 * @module
 */

import type { Tensor } from "../../deps/tfjs.ts";
import { formatShape, sameShape } from "../../core/shapes.ts";
import type { TapeNode } from "./engine.ts";
import { runKernel } from "./run_kernel.ts";
import { tidyTensors } from "./tidy_tensors.ts";

/**
 * Gradients of `y`, times `dy`, with respect to `xs`; null if `y` does not depend on one. The nodes
 * are consumed.
 *
 * @param onFinal called with each gradient when no further op will add to it
 */
export function backpropagate(
  nodes: readonly TapeNode[],
  xs: readonly Tensor[],
  y: Tensor,
  dy: Tensor,
  onFinal?: (index: number, gradient: Tensor | null) => void,
): (Tensor | null)[] {
  const firstUses = onFinal === undefined ? null : placesByFirstUse(nodes, xs);
  const dependent = idsDependingOn(nodes, xs);
  const wanted = new Set(xs.map(({ id }) => id));
  const gradients = new GradientMap(y, dy);
  for (const node of nodes.toReversed()) {
    const dys = node.outputs.map((output) => gradients.get(output));
    const names = Object.keys(node.inputs).filter((name) => dependent.has(node.inputs[name].id));
    if (names.length > 0 && dys.some((dy) => dy !== null)) {
      const soFar = gradients.soFar(node);
      const dxs = inputGradients(node, dys, names, soFar);
      names.forEach((name, index) => {
        if (name in soFar) gradients.replace(node.inputs[name], dxs[index]);
        else gradients.add(node.inputs[name], dxs[index]);
      });
    }
    releaseSaved(node);
    for (const output of node.outputs) if (!wanted.has(output.id)) gradients.forget(output);
    for (const index of firstUses?.get(node) ?? []) onFinal!(index, gradients.get(xs[index]));
  }
  for (const index of firstUses?.get(null) ?? []) onFinal!(index, null);
  return xs.map((x) => gradients.get(x));
}

/** Frees what a node holds. */
export function releaseSaved(node: TapeNode): void {
  for (const tensor of node.saved ?? []) tensor.dispose();
  node.saved = [];
}

/** Positions in `xs` by the first op that uses the tensor; null for those that no op uses. */
function placesByFirstUse(
  nodes: readonly TapeNode[],
  xs: readonly Tensor[],
): Map<TapeNode | null, number[]> {
  const firstUse = new Map<number, TapeNode>();
  for (const node of nodes.toReversed()) {
    for (const { id } of Object.values(node.inputs)) firstUse.set(id, node);
  }
  return Map.groupBy(xs.keys(), (index) => firstUse.get(xs[index].id) ?? null);
}

/** Ids of all tensors that were computed from `xs`, theirs included. */
function idsDependingOn(nodes: readonly TapeNode[], xs: readonly Tensor[]): Set<number> {
  const ids = new Set(xs.map(({ id }) => id));
  for (const { inputs, outputs } of nodes) {
    if (!Object.values(inputs).some(({ id }) => ids.has(id))) continue;
    for (const { id } of outputs) ids.add(id);
  }
  return ids;
}

/** The gradients of a node's inputs with the given names; everything else that it creates is freed. */
function inputGradients(
  node: TapeNode,
  dys: (Tensor | null)[],
  names: readonly string[],
  soFar: Readonly<Record<string, Tensor>>,
): Tensor[] {
  if (node.gradient === undefined || node.gradient === null) {
    throw new Error(`Cannot compute gradients: "${node.kernelName}" has none`);
  }
  return tidyTensors(() => {
    const computed = node.gradient!(dys, soFar);
    return names.map((name) => {
      if (!(name in computed)) {
        throw new Error(`"${node.kernelName}" gives no gradient of its input "${name}"`);
      }
      const dx = computed[name]();
      const { shape } = node.inputs[name];
      if (dx.dtype !== "float32" || !sameShape(dx.shape, shape)) {
        throw new Error(
          `The gradient of "${name}" of "${node.kernelName}" must be float32 ` +
            `${formatShape(shape)}, found ${dx.dtype} ${formatShape(dx.shape)}`,
        );
      }
      return dx;
    });
  });
}

/** The gradients so far. An op may pass on the very tensor it was given, so holders are counted. */
class GradientMap {
  readonly #byId = new Map<number, Tensor>();
  readonly #holders = new Map<Tensor, number>();

  /** `dy` remains the caller's. */
  constructor(y: Tensor, dy: Tensor) {
    this.#hold(dy);
    this.#byId.set(y.id, dy);
    this.#hold(dy);
  }

  get({ id }: Tensor): Tensor | null {
    return this.#byId.get(id) ?? null;
  }

  /** Of the inputs whose gradient an op adds to itself, those that there are. */
  soFar({ adds = [], inputs }: TapeNode): Record<string, Tensor> {
    const known = adds.map((name) => [name, this.get(inputs[name])] as const);
    return Object.fromEntries(
      known.filter((entry): entry is [string, Tensor] => entry[1] !== null),
    );
  }

  /** Puts a gradient in the place of what it includes. */
  replace({ id }: Tensor, gradient: Tensor): void {
    this.#hold(gradient);
    this.#drop(this.#byId.get(id)!);
    this.#byId.set(id, gradient);
  }

  add({ id }: Tensor, gradient: Tensor): void {
    const before = this.#byId.get(id);
    this.#hold(gradient);
    if (before === undefined) {
      this.#byId.set(id, gradient);
      return;
    }
    // `tf.add` compares types and shapes first; here they are known to be the same.
    const sum = runKernel("Add", { a: before, b: gradient });
    this.#hold(sum);
    this.#byId.set(id, sum);
    this.#drop(before);
    this.#drop(gradient);
  }

  forget({ id }: Tensor): void {
    const gradient = this.#byId.get(id);
    if (gradient === undefined) return;
    this.#byId.delete(id);
    this.#drop(gradient);
  }

  #hold(gradient: Tensor): void {
    this.#holders.set(gradient, (this.#holders.get(gradient) ?? 0) + 1);
  }

  #drop(gradient: Tensor): void {
    const holders = this.#holders.get(gradient)! - 1;
    this.#holders.set(gradient, holders);
    if (holders > 0) return;
    this.#holders.delete(gradient);
    gradient.dispose();
  }
}
