/**
 * Puts fused kernels on tfjs' tape.
 *
 * `tf.customGrad` allows one output only, and what it is built on makes clones that go through the
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
    gradient: (dys) => {
      const restored = Object.fromEntries(names.map((name, i) => [name, kept[i]])) as Inputs;
      const whole = dys.map((dy, i) => dy ?? tf.zeros(outputs[i].shape));
      // Computed here and not when one is asked for: tfjs' own way back frees what a request has
      // made besides its own gradient.
      const gradients = backward(whole, restored, kept.slice(names.length));
      return Object.fromEntries(names.map((name) => [name, () => gradients[name]]));
    },
  });
  return outputs;
}

/**
 * Runs `work` so that an open tape records nothing of it; its results are constants as far as
 * gradients go, and all else that it made is freed.
 */
export function detached(work: () => Tensor[]): Tensor[] {
  return pauseTape(() => tidyTensors(work));
}
