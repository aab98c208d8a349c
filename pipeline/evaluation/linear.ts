/**
 * A linear classifier on frozen features: the quick estimate at the end of a run. The full probe over all
 * layers is a separate task.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import { linear } from "../../backends/ops/linear.ts";
import {
  linearCrossEntropy,
  type LinearCrossEntropyArguments,
} from "../../backends/ops/linear_cross_entropy.ts";
import { Tape } from "../../backends/tfjs/tape.ts";
import type { FeatureSet } from "./features.ts";
import type { Accuracy } from "./knn.ts";

const steps = 300;
const learningRate = 0.05;
const weightDecay = 1e-4;

/**
 * Multinomial logistic regression by full-batch Adam on standardised features. It draws no random numbers, so
 * the same features give the same result.
 *
 * @param classes number of classes; labels are 0 … classes − 1
 * @param onProgress called with the number of completed steps
 */
export async function linearAccuracy(
  on: Context,
  train: FeatureSet,
  test: FeatureSet,
  classes: number,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<Accuracy> {
  const { mean, scale } = statistics(train);
  const exact: Context = { ...on, precision: "float32" };
  const logits = on.backend.run(() =>
    tf.tidy(() => {
      const x = standardize(train, mean, scale);
      const targets = tf.tensor1d(train.labels, "int32");
      const [weight, bias] = fit(exact, x, targets, classes, onProgress);
      return linear(exact, standardize(test, mean, scale), weight, bias);
    })
  );
  const values = await logits.data() as Float32Array;
  logits.dispose();
  let [first, firstFive] = [0, 0];
  for (let row = 0; row < test.count; row++) {
    const scores = values.subarray(row * classes, (row + 1) * classes);
    const own = scores[test.labels[row]];
    const better = scores.filter((score) => score > own).length;
    if (better < 1) first++;
    if (better < 5) firstFive++;
  }
  return { top1: first / test.count, top5: firstFive / test.count };
}

/** x [n, C], targets int32 [n] → weight [K, C], bias [K]. */
function fit(
  on: Context,
  x: Tensor,
  targets: Tensor,
  classes: number,
  onProgress: (done: number, total: number) => void,
): Tensor[] {
  const shapes = [[classes, x.shape[1]!], [classes]];
  let parameters: Tensor[] = shapes.map((shape) => tf.zeros(shape));
  let firstMoments: Tensor[] = shapes.map((shape) => tf.zeros(shape));
  let secondMoments: Tensor[] = shapes.map((shape) => tf.zeros(shape));
  for (let step = 1; step <= steps; step++) {
    const rate = learningRate * 0.5 * (1 + Math.cos(Math.PI * (step - 1) / steps));
    const old = [...parameters, ...firstMoments, ...secondMoments];
    [parameters, firstMoments, secondMoments] = tf.tidy(() => {
      const gradients = gradientsOf(on, { x, targets }, parameters);
      const m = gradients.map((g, i) => tf.add(tf.mul(firstMoments[i], 0.9), tf.mul(g, 0.1)));
      const v = gradients.map((g, i) =>
        tf.add(tf.mul(secondMoments[i], 0.999), tf.mul(tf.square(g), 0.001))
      );
      const p = parameters.map((parameter, i) => {
        const corrected = tf.div(m[i], 1 - 0.9 ** step);
        const root = tf.sqrt(tf.div(v[i], 1 - 0.999 ** step));
        return tf.sub(parameter, tf.mul(tf.div(corrected, tf.add(root, 1e-8)), rate)) as Tensor;
      });
      return [p, m as Tensor[], v as Tensor[]];
    });
    tf.dispose(old);
    onProgress(step, steps);
  }
  return parameters;
}

function gradientsOf(
  on: Context,
  data: Pick<LinearCrossEntropyArguments, "x" | "targets">,
  [weight, bias]: Tensor[],
): Tensor[] {
  const tape = Tape.open();
  try {
    // The head of masked modelling: a single fused kernel on most backends.
    const { loss } = linearCrossEntropy(on, { ...data, weight, bias });
    const penalty = tf.mul(tf.sum(tf.square(weight)), 0.5 * weightDecay);
    return tape.gradients(tf.add(penalty, loss), [weight, bias]);
  } finally {
    tape.close();
  }
}

function statistics(set: FeatureSet): { mean: Float32Array; scale: Float32Array } {
  const mean = new Float32Array(set.width);
  const scale = new Float32Array(set.width);
  for (let i = 0; i < set.width; i++) {
    let [sum, squares] = [0, 0];
    for (let row = 0; row < set.count; row++) {
      const value = set.values[row * set.width + i];
      sum += value;
      squares += value * value;
    }
    mean[i] = sum / set.count;
    const variance = squares / set.count - (sum / set.count) ** 2;
    scale[i] = 1 / Math.sqrt(Math.max(variance, 1e-12));
  }
  return { mean, scale };
}

function standardize(set: FeatureSet, mean: Float32Array, scale: Float32Array): Tensor {
  const x = tf.tensor2d(set.values, [set.count, set.width]);
  return tf.mul(tf.sub(x, tf.tensor1d(mean)), tf.tensor1d(scale));
}
