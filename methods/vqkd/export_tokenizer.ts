/**
 * A trained tokenizer as one small file: what pretraining needs of it, and nothing else.
 *
 * @module
 */

import type { NamedTensors } from "../../checkpoints/safetensors/safetensors_writer.ts";
import type { LazyTensor } from "../../checkpoints/tensors/tensor_data.ts";
import type { LazyValues } from "../../models/parameter_set.ts";
import type { VqkdTokenizer } from "../../models/vqkd_tokenizer.ts";

/** Needed only for training: the decoder, and the restart counter. */
const isForTraining = (name: string) =>
  /^(decoder|decode_task_layer)\./.test(name) || name === "quantize.idle_steps";

/** The encoder's weights in half precision; the codebook stays exact, because ids depend on it. */
function toTensor(name: string, { shape, read }: LazyValues): LazyTensor {
  if (name.startsWith("quantize.")) {
    return { dtype: "F32", shape, read: async () => ({ dtype: "F32", shape, data: await read() }) };
  }
  const halve = (values: Float32Array) => new Uint16Array(new Float16Array(values).buffer);
  return {
    dtype: "F16",
    shape,
    read: async () => ({ dtype: "F16", shape, data: halve(await read()) }),
  };
}

/**
 * Encoder and codebook as safetensors under unilm's names: the encoder in float16, the codebook in float32. The
 * metadata records what the tensors do not show, so that every command can open the file; the training run's
 * own checkpoints stay the exact ones.
 */
export function exportTokenizer(
  tokenizer: VqkdTokenizer,
): { tensors: NamedTensors; metadata: Record<string, string> } {
  const kept = [...tokenizer.parameters.lazy()].filter(([name]) => !isForTraining(name));
  const shape = { ...tokenizer.config, decoderDepth: 0, teacherDim: 0 };
  return {
    tensors: kept.map(([name, value]) => [name, toTensor(name, value)] as const),
    metadata: {
      format: "pt",
      "mimic.kind": "tokenizer",
      "mimic.shape": JSON.stringify(shape),
    },
  };
}
