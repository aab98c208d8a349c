/** Weights that a hub splits over several files under one index. */

import { dirname, join } from "node:path";
import { UserError } from "../../core/errors.ts";
import { readJson } from "../hub/hub_folder.ts";
import type { TensorFile } from "../tensors/tensor_data.ts";
import { type AnyTensorFile, openTensorFile } from "../tensors/tensor_file.ts";
import { exists } from "../path_kinds.ts";

/** What the index of a weight file is called. */
export function indexPath(weights: string): string {
  return `${weights}.index.json`;
}

/** Which file each tensor is in; a name containing folders could lead outside the model's own. */
function weightMap(index: string): Map<string, string> {
  const map = readJson(index).weight_map;
  const entries = typeof map === "object" && map !== null ? Object.entries(map) : [];
  if (entries.length === 0) {
    throw new UserError(
      `Cannot read "${index}": expected "weight_map" with the file of each tensor`,
    );
  }
  for (const [name, file] of entries) {
    if (typeof file === "string" && /^[^/\\]+$/.test(file) && file !== "..") continue;
    throw new UserError(
      `Cannot read "${index}": "${name}" is said to be in ${JSON.stringify(file)}, expected the ` +
        "name of a file next to it",
    );
  }
  return new Map(entries as [string, string][]);
}

/** Opens all files that an index names, as one. */
export async function openShards(index: string): Promise<AnyTensorFile> {
  const fileOf = weightMap(index);
  const opened = new Map<string, AnyTensorFile>();
  const close = () => {
    for (const { file } of opened.values()) file.close();
  };
  try {
    for (const name of new Set(fileOf.values())) {
      const path = join(dirname(index), name);
      if (!exists(path)) {
        throw new UserError(`Cannot read "${index}": "${name}", one of its files, is missing`);
      }
      opened.set(name, await openTensorFile(path));
    }
    for (const [tensor, name] of fileOf) {
      if (opened.get(name)!.file.names().includes(tensor)) continue;
      throw new UserError(`Cannot read "${index}": "${tensor}" is not in "${name}"`);
    }
  } catch (error) {
    close();
    throw error;
  }
  const holder = (tensor: string): TensorFile => opened.get(fileOf.get(tensor)!)!.file;
  const [first] = opened.values();
  const file: TensorFile = {
    names: () => [...fileOf.keys()],
    info: (name) => holder(name).info(name),
    read: (name) => holder(name).read(name),
    metadata: first.file.metadata,
    close,
  };
  const bytes = [...opened.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  return { kind: "safetensors", file, bytes };
}
