/**
 * Layers with a `weight` and a `bias`: linear ones, convolutions, layer norms.
 *
 * @module
 */

import type { Tensor } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import { layerNorm, type LayerNormOptions } from "../../backends/ops/layer_norm.ts";
import { linear, type LinearOptions } from "../../backends/ops/linear.ts";
import { type AffineStart, constant, fanIn, type InitScheme, zeros } from "../initial_values.ts";
import type { ParameterScope, ParameterSpec } from "../parameter_set.ts";

/**
 * The two parameters of a linear layer, a convolution or a norm, `prefix.weight` and `prefix.bias`.
 *
 * @param weightShape [outputs, inputs, …]; [C] of a norm, which is initialised with 1 and 0
 * @param start selects from the model's scheme; default: the start of most linear layers
 */
export function affineSpecs(
  prefix: string,
  weightShape: readonly number[],
  start: (scheme: InitScheme) => AffineStart = ({ linear }) => linear,
): ParameterSpec[] {
  const startOf = (scheme: InitScheme) =>
    weightShape.length === 1
      ? { weight: constant(1), bias: zeros }
      : start(scheme)(fanIn(weightShape));
  return [
    {
      name: `${prefix}.weight`,
      shape: weightShape,
      initialise: (generator, shape, scheme) => startOf(scheme).weight(generator, shape),
    },
    {
      name: `${prefix}.bias`,
      shape: [weightShape[0]],
      initialise: (generator, shape, scheme) => startOf(scheme).bias(generator, shape),
    },
  ];
}

/** The linear layer with a scope's parameters, x [..., I] → [..., O]. */
export function linearLayer(
  on: Context,
  parameters: ParameterScope,
  x: Tensor,
  options: LinearOptions = {},
): Tensor {
  return linear(on, x, parameters.value("weight"), parameters.value("bias"), options);
}

/** The layer norm with a scope's parameters, x [..., C] → [..., C]. */
export function norm(
  on: Context,
  parameters: ParameterScope,
  x: Tensor,
  epsilon = 1e-6,
  options: LayerNormOptions = {},
): Tensor {
  return layerNorm(on, x, parameters.value("weight"), parameters.value("bias"), epsilon, options);
}
