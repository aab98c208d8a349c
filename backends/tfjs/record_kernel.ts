/**
 * Records fused kernels on tfjs' tape.
 *
 * `tf.customGrad` allows only one output, and its implementation creates clones that go through the
 * whole engine; here the tape is written directly.
 *
 * @module
 */

import { type NamedTensorMap, type Tensor, tf } from "../../deps/tfjs.ts";
import { tidyTensors } from "./tidy_tensors.ts";
import { isRecording, pauseTape, record, withinKernel } from "./tape.ts";
import { alias } from "./handles.ts";

/** A fused forward pass and its gradient. */
export interface RecordedKernel<Inputs extends NamedTensorMap> {
  /** What gradients may be requested for. Other tensors that `backward` needs go into `saved`. */
  readonly inputs: Inputs;
  readonly forward: () => { outputs: Tensor[]; saved: Tensor[] };
  /**
   * From the gradients of the outputs to those of the inputs. It gets the inputs back: the caller may have
   * released its own handles by then. `soFar` holds what the gradients of the inputs in `adds` are added to.
   */
  readonly backward: (
    dys: Tensor[],
    inputs: Inputs,
    saved: Tensor[],
    soFar: { readonly [Name in keyof Inputs]?: Tensor },
  ) => { [Name in keyof Inputs]: Tensor };
  /** Inputs whose gradient `backward` itself adds to what other ops have contributed. */
  readonly adds?: readonly (keyof Inputs & string)[];
}

/** Runs the forward pass; while a tape is open, it records the backward pass. */
export function recordKernel<Inputs extends NamedTensorMap>(
  { inputs, forward, backward, adds = [] }: RecordedKernel<Inputs>,
): Tensor[] {
  const names = Object.keys(inputs);
  if (!isRecording()) return tidyTensors(() => forward().outputs);
  let kept: Tensor[] = [];
  const outputs = withinKernel(() =>
    tidyTensors(() => {
      const { outputs, saved } = forward();
      const all = [...names.map((name) => inputs[name]), ...saved];
      kept = all.map((tensor) => tf.keep(alias(tensor)));
      return outputs;
    })
  );
  record({
    inputs,
    outputs,
    saved: kept,
    adds,
    // tfjs' own backward pass adds everything up itself.
    gradient: (dys, soFar = {}) => {
      const restored = Object.fromEntries(names.map((name, i) => [name, kept[i]])) as Inputs;
      const whole = dys.map((dy, i) => dy ?? tf.zeros(outputs[i].shape));
      // Computed here and not on request: tfjs' own backward pass frees whatever a request has
      // created besides its own gradient.
      const gradients = backward(
        whole,
        restored,
        kept.slice(names.length),
        soFar as Partial<Inputs>,
      );
      return Object.fromEntries(names.map((name) => [name, () => gradients[name]]));
    },
  });
  return outputs;
}

/**
 * Runs `work` so that an open tape records none of it; its results are constants as far as
 * gradients are concerned, and everything else that it created is freed.
 */
export function detached(work: () => Tensor[]): Tensor[] {
  return pauseTape(() => tidyTensors(work));
}
