/** The reference's key lists as random checkpoints, of full size or scaled down. */

import { Generator } from "../../core/generator.ts";
import { relativePositionIndex } from "../../core/relative_position.ts";
import type { LazyTensor, TensorData, TensorMap } from "../../checkpoints/tensors/tensor_data.ts";

const KEYS = new URL("../fixtures/keys/", import.meta.url);

/** The lists, with the keys that their files wrap the weights in. */
export const OFFICIAL = {
  mmselfsup_pretrain_vitb: { wrapper: "state_dict", format: "mmselfsup", kind: "pretrain" },
  mmselfsup_finetune_vitb: { wrapper: "state_dict", format: "mmselfsup", kind: "finetune" },
  unilm_pretrain_vitb: { wrapper: "model", format: "unilm", kind: "pretrain" },
  unilm_finetune_vitb: { wrapper: "module", format: "unilm", kind: "finetune" },
  unilm_vqkd_3x768x12_clip: { wrapper: "model", format: "unilm", kind: "tokenizer" },
} as const;

/** ViT-B's extents and what they become in the small copy: 2×2 patches of 4 px, width 12, 2 heads. */
const SMALL: Record<number, number> = {
  8192: 10,
  3072: 48,
  2304: 36,
  1000: 7,
  768: 12,
  732: 12,
  512: 8,
  197: 5,
  32: 6,
  16: 4,
  12: 2,
};

function randomTensor(name: string, shape: number[], generator: Generator): TensorData {
  if (name.endsWith("relative_position_index")) {
    const index = relativePositionIndex(Math.sqrt(shape[0] - 1));
    return { dtype: "I64", shape, data: BigInt64Array.from(index, BigInt) };
  }
  const bits = new Uint32Array(shape.reduce((a, b) => a * b, 1));
  const draws = generator.split(name);
  // Any bit pattern but NaN, whose payload some readers change.
  for (let i = 0; i < bits.length; i++) bits[i] = draws.bits() & 0xbfffffff;
  return { dtype: "F32", shape, data: new Float32Array(bits.buffer) };
}

/** A random checkpoint under the official names, each tensor made when it is read. */
export async function officialTensors(
  list: keyof typeof OFFICIAL,
  scale: "full" | "small",
): Promise<TensorMap> {
  const text = await Deno.readTextFile(new URL(`keys_${list}.json`, KEYS));
  const { keys } = JSON.parse(text) as { keys: Record<string, [number[], string]> };
  const generator = Generator.from(11);
  const tensors: TensorMap = new Map();
  for (const [name, [official, dtype]] of Object.entries(keys)) {
    const shape = scale === "full" ? official : official.map((extent) => SMALL[extent] ?? extent);
    const tensor: LazyTensor = {
      dtype: dtype === "int64" ? "I64" : "F32",
      shape,
      read: () => randomTensor(name, shape, generator),
    };
    tensors.set(name, tensor);
  }
  return tensors;
}
