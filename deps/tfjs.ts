/**
 * tfjs-core: tensors, the tape and the kernel registry.
 *
 * The npm build of tfjs-core registers no gradients; tfjs-layers does, as a side effect, and is the
 * smallest package that does. `enableProdMode` silences tfjs' advice to use its Node binding.
 *
 * @module
 */
/** x */
import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import "npm:@tensorflow/tfjs-layers@4.22.0";

tf.enableProdMode();

export { tf };
export type {
  DataType,
  DataTypeMap,
  KernelConfig,
  NamedTensorMap,
  Rank,
  Tensor,
  TensorInfo,
  TypedArray,
} from "npm:@tensorflow/tfjs-core@4.22.0";
