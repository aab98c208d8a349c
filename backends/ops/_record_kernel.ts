/**
 * Puts fused kernels on tfjs' tape.
 *
 * `tf.customGrad` allows one output only; what it is built on allows several, and is used here.
 *
 * @module
 */

import { type NamedTensorMap, type Tensor, tf } from "../../deps/tfjs.ts";

type Save = (tensors: Tensor[]) => void;

interface KernelEngine {
  runKernelFunc(kernel: {
    forwardFunc: (backend: unknown, save: Save) => Tensor[];
    backwardsFunc?: (
      dys: Tensor | Tensor[],
      saved: Tensor[],
    ) => Record<string, () => Tensor>;
    inputs: NamedTensorMap;
  }): Tensor[];
}

/** A fused forward pass and its gradient. */
export interface RecordedKernel<Inputs extends NamedTensorMap> {
  /** What gradients may be asked for. Other tensors that `backward` needs go into `saved`. */
  readonly inputs: Inputs;
  readonly forward: () => { outputs: Tensor[]; saved: Tensor[] };
  /**
   * From the gradients of the outputs to those of the inputs. It gets the inputs back: the caller may
   * have freed its own handles by then.
   */
  readonly backward: (
    dys: Tensor[],
    inputs: Inputs,
    saved: Tensor[],
  ) => { [Name in keyof Inputs]: Tensor };
}

/** Runs the forward pass; while a tape is open, it remembers how to go back. */
export function recordKernel<Inputs extends NamedTensorMap>(
  { inputs, forward, backward }: RecordedKernel<Inputs>,
): Tensor[] {
  const names = Object.keys(inputs);
  const engine = tf.engine() as unknown as KernelEngine;
  return engine.runKernelFunc({
    inputs,
    forwardFunc: (_backend, save) => {
      const { outputs, saved } = forward();
      save([...names.map((name) => inputs[name]), ...saved]);
      return outputs;
    },
    backwardsFunc: (dys, kept) => {
      const restored = Object.fromEntries(names.map((name, i) => [name, kept[i]])) as Inputs;
      // All gradients are computed here and not when one is asked for: tfjs frees what a request
      // has made besides its own gradient.
      const gradients = tf.tidy(() => {
        return backward(Array.isArray(dys) ? dys : [dys], restored, kept.slice(names.length));
      });
      return Object.fromEntries(names.map((name) => [name, () => gradients[name]]));
    },
  });
}

/**
 * Runs `work` so that an open tape records nothing of it; its results are constants as far as
 * gradients go, and all else that it made is freed.
 */
export function detached(work: () => Tensor[]): Tensor[] {
  const engine = tf.engine() as unknown as KernelEngine;
  return engine.runKernelFunc({ inputs: {}, forwardFunc: work, backwardsFunc: () => ({}) });
}
