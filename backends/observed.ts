import type { Tensor } from "../deps/tfjs.ts";
import type { Context } from "./backend.ts";

/**
 * An op's result, observed if the context has a watch. What the op calls internally is not observed: a backend
 * with a fused kernel calls nothing.
 *
 * @param parameters tensors that may be a model's parameters; they give the layer its name
 */
export function observed(
  on: Context,
  op: string,
  parameters: readonly (Tensor | null)[],
  compute: (on: Context) => Tensor,
): Tensor {
  const { watch } = on;
  if (watch === undefined) return compute(on);
  return watch.op(op, parameters, compute({ ...on, watch: undefined }));
}
