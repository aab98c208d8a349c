/**
 * An open tape: whatever runs between `open` and `gradients` is recorded, so that the stages of a
 * step can run one after another as plain functions, and the last of them requests the gradients.
 *
 * tfjs only offers `grads(f)`, which needs all stages in a single closure.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import { backpropagate, releaseSaved } from "./backpropagate.ts";
import { engine, type TapeNode } from "./engine.ts";

/** Runs `work` as if no tape were open. */
export function pauseTape<T>(work: () => T): T {
  const { state } = engine();
  const { activeTape, gradientDepth } = state;
  Object.assign(state, { activeTape: null, gradientDepth: 0 });
  try {
    return work();
  } finally {
    Object.assign(state, { activeTape, gradientDepth });
  }
}

/** Runs the work of an op that is recorded as a whole: the tape stays open, and nothing is recorded. */
export function withinKernel<T>(work: () => T): T {
  const { state } = engine();
  state.kernelDepth++;
  try {
    return work();
  } finally {
    state.kernelDepth--;
  }
}

/** Whether a backward pass follows what is currently running. */
export function isTapeOpen(): boolean {
  return engine().state.gradientDepth > 0;
}

/** Whether an op that runs now is to be recorded: not inside one that is. */
export function isRecording(): boolean {
  return engine().isTapeOn();
}

/** Records an op on the open tape; its `saved` tensors, marked as kept, are freed by the tape. */
export function record(node: Omit<TapeNode, "kernelName">): void {
  const { state } = engine();
  // tfjs' own `grads` identifies nodes by their number.
  state.activeTape!.push({ id: state.nextTapeNodeId++, kernelName: "", ...node } as TapeNode);
}

/** Records ops from {@link Tape.open} until {@link Tape.close}; there is one at a time. */
export class Tape {
  private constructor() {
    if (isTapeOpen()) {
      throw new Error("Cannot open a tape: another one is open");
    }
    engine().startTape();
  }

  /** Starts recording; close the tape even after an error. */
  static open(): Tape {
    return new Tape();
  }

  /**
   * Gradients of `y` (times `dy`, of its shape; ones by default) with respect to `xs`, in their order; zeros
   * for those that `y` does not depend on. The tape ends here: the ops of the backward pass are not recorded,
   * and may open their own tape.
   *
   * @param onFinal called with each gradient, by its position in `xs`, as soon as it is final
   */
  gradients(
    y: Tensor,
    xs: Tensor[],
    dy?: Tensor,
    onFinal?: (index: number, gradient: Tensor) => void,
  ): Tensor[] {
    const nodes = this.#end();
    try {
      return tf.tidy(() => {
        const orZeros = (index: number, gradient: Tensor | null) =>
          gradient ?? tf.zerosLike(xs[index]);
        const tell = onFinal &&
          ((index: number, gradient: Tensor | null) => onFinal(index, orZeros(index, gradient)));
        const found = backpropagate(nodes, xs, y, dy ?? tf.onesLike(y), tell);
        return found.map((gradient, index) => orZeros(index, gradient));
      });
    } finally {
      nodes.forEach(releaseSaved);
    }
  }

  /** Frees what the tape kept; harmless if `gradients` has already done so. */
  close(): void {
    this.#end().forEach(releaseSaved);
  }

  /** Stops recording; returns what was recorded. */
  #end(): TapeNode[] {
    const { state } = engine();
    const nodes = state.activeTape ?? [];
    state.activeTape = null;
    state.gradientDepth = 0;
    return nodes;
  }
}
