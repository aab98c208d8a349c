/**
 * tfjs' `Add` on our device. tfjs adds gradients where two paths meet; one of them often comes from a layer
 * norm that has not run yet and can add the other along the way.
 *
 * @module
 */

import { type KernelConfig, type Tensor, type TensorInfo, tf } from "../../deps/tfjs.ts";
import { sameShape } from "../../core/shapes.ts";
import {
  type DeferredLayerNormGradient,
  LAYER_NORM_BACKWARD,
} from "./kernels/layer_norm/layer_norm.ts";
import type { Runtime } from "./runtime.ts";

/** Replaces the copy of tfjs' kernel registered under `backendName`. */
export function registerAdd(backendName: string): void {
  const stock = tf.getKernel("Add", backendName) as KernelConfig;
  tf.unregisterKernel("Add", backendName);
  tf.registerKernel({
    ...stock,
    kernelFunc: (call) => {
      const { a, b } = call.inputs as { a: Tensor; b: Tensor };
      const runtime = call.backend as Runtime;
      return addInPassing(runtime, a, b) ?? addInPassing(runtime, b, a) ?? stock.kernelFunc(call);
    },
  });
}

/** The sum, if `gradient` is waiting to be computed. */
function addInPassing(runtime: Runtime, added: Tensor, gradient: Tensor): TensorInfo | null {
  if (added.dataId === gradient.dataId || added.dtype !== "float32") return null;
  if (!sameShape(added.shape, gradient.shape)) return null;
  const work = runtime.deferrals.take<DeferredLayerNormGradient>(gradient, LAYER_NORM_BACKWARD);
  if (work === null) return null;
  const sum = runtime.makeTensorInfo(gradient.shape, "float32");
  work.args.runWith(added, sum);
  runtime.abandon(gradient);
  work.done();
  return sum;
}
