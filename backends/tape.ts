/**
 * An open tape: what runs between `open` and `gradients` is recorded, so that the stages of a step
 * can run one after another as plain functions and the last of them asks for the gradients.
 *
 * tfjs offers only `grads(f)`, which wants all stages in one closure. This file is the only one that
 * touches the engine's private tape.
 *
 * @module
 */

import { type Tensor, tf } from "../deps/tfjs.ts";

interface TapeNode {
  saved?: Tensor[];
}

interface EngineTape {
  startTape(): void;
  endTape(): void;
  state: { activeTape: TapeNode[] | null; gradientDepth: number };
  gradients(
    f: () => Tensor,
    xs: Tensor[],
    dy: Tensor | undefined,
    allowNoGradients: boolean,
  ): { value: Tensor; grads: (Tensor | null)[] };
}

/** Records ops from {@link Tape.open} until {@link Tape.close}; there is one at a time. */
export class Tape {
  #engine = tf.engine() as unknown as EngineTape;

  private constructor() {
    if (this.#engine.state.gradientDepth !== 0) {
      throw new Error("Cannot open a tape: another one is open");
    }
    this.#engine.startTape();
  }

  static open(): Tape {
    return new Tape();
  }

  /**
   * Gradients of the scalar `y` (times `dy`) with respect to `xs`, in their order; zeros for those
   * that `y` does not depend on. The ops of the backward pass are not recorded.
   */
  gradients(y: Tensor, xs: Tensor[], dy?: Tensor): Tensor[] {
    const engine = this.#engine;
    // tfjs' `gradients` keeps an open tape, deepens it by one and reads it after this function has
    // returned. Lowering the depth here makes the backward pass run, and the tape end, at depth 0.
    const lowerDepth = () => {
      engine.state.gradientDepth = 1;
      return y;
    };
    const { grads } = engine.gradients(lowerDepth, xs, dy, true);
    return grads.map((gradient, index) => gradient ?? tf.zerosLike(xs[index]));
  }

  /** Frees what the tape kept; harmless when `gradients` has done so already. */
  close(): void {
    const { state } = this.#engine;
    for (const node of state.activeTape ?? []) {
      for (const tensor of node.saved ?? []) tensor.dispose();
    }
    state.activeTape = null;
    state.gradientDepth = 0;
  }
}
