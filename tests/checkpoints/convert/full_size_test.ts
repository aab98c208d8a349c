import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { convertCheckpoint } from "../../../checkpoints/convert.ts";
import type { ConvertTarget } from "../../../checkpoints/convert_writers.ts";
import { inspectFile } from "../../../checkpoints/inspect.ts";
import { openPth } from "../../../checkpoints/pth/pth.ts";
import { writePth } from "../../../checkpoints/pth/pth_writer.ts";
import {
  bytesOf,
  type TensorData,
  type TensorMap,
} from "../../../checkpoints/tensors/tensor_data.ts";
import { OFFICIAL, officialTensors } from "../_official_keys.ts";

// 5 GB on the disk and some minutes: run by hand with MIMIC_FULL_SIZE=1.
const isWanted = Deno.env.get("MIMIC_FULL_SIZE") === "1";

const PARAMETERS: Partial<Record<keyof typeof OFFICIAL, number>> = {
  mmselfsup_pretrain_vitb: 106_143_056,
  mmselfsup_finetune_vitb: 86_530_984,
  unilm_pretrain_vitb: 106_143_056,
  unilm_finetune_vitb: 86_530_984,
};

const hashOf = (tensor: TensorData) =>
  createHash("sha256").update(tensor.shape.join()).update(bytesOf(tensor)).digest("hex");

async function hashesOf(tensors: Iterable<[string, { read(): TensorData | Promise<TensorData> }]>) {
  const hashes: [string, string][] = [];
  for (const [name, tensor] of tensors) hashes.push([name, hashOf(await tensor.read())]);
  return new Map(hashes.sort(([a], [b]) => a < b ? -1 : 1));
}

async function checkThereAndBack(
  path: string,
  to: ConvertTarget,
  format: "mmselfsup" | "unilm",
  hashes: Map<string, string>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ dir: join(path, "..") });
  const there = join(folder, "there");
  const back = join(folder, "back.pth");
  await convertCheckpoint(path, there, { to });
  await convertCheckpoint(there, back, { to: format });
  const file = await openPth(back);
  const tensors: TensorMap = new Map();
  for (const name of file.names()) {
    tensors.set(name, { ...file.info(name), read: () => file.read(name) });
  }
  assert.deepEqual(await hashesOf(tensors), hashes);
  file.close();
  await Deno.remove(folder, { recursive: true });
}

for (const list of Object.keys(OFFICIAL) as (keyof typeof OFFICIAL)[]) {
  const { format, kind, wrapper } = OFFICIAL[list];
  Deno.test({
    name:
      `a full-size ${list} converts everywhere and back (only with MIMIC_FULL_SIZE=1: 5 GB of disk)`,
    ignore: !isWanted,
    fn: async () => {
      const folder = await Deno.makeTempDir();
      const path = join(folder, "in.pth");
      const tensors = await officialTensors(list, "full");
      const hashes = await hashesOf(tensors);
      const { bytes } = await writePth(path, { [wrapper]: tensors });
      const found = await inspectFile(path);
      if (PARAMETERS[list]) assert.equal(found.parameters, PARAMETERS[list]);
      const before = Deno.memoryUsage().rss;
      let peak = before;
      const watch = setInterval(() => peak = Math.max(peak, Deno.memoryUsage().rss), 20);
      const targets: ConvertTarget[] = kind === "tokenizer"
        ? ["mmselfsup", "unilm", "safetensors"]
        : ["timm", "mmselfsup", "unilm", "huggingface", "safetensors"];
      try {
        for (const to of targets) await checkThereAndBack(path, to, format, hashes);
      } finally {
        clearInterval(watch);
        await Deno.remove(folder, { recursive: true });
      }
      const mega = (count: number) => Math.round(count / 1e6);
      console.log(`file of ${mega(bytes)} MB, memory grew by ${mega(peak - before)} MB`);
      assert(peak - before < bytes, "one tensor at a time should stay below the file's size");
    },
  });
}
