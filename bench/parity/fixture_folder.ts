/**
 * A folder of golden numbers: `<name>.json` with settings and `<name>.safetensors` with tensors.
 *
 * @module
 */

import { openSafetensors } from "../../checkpoints/safetensors/safetensors.ts";
import type { NamedValues } from "../../models/parameter_set.ts";
import { readValues } from "../../pipeline/weights/model_tensors.ts";

/** Where the comparison reads from: a folder on disk, or files fetched by a web page. */
export interface FixtureFolder {
  /** Names of the files, with extensions. */
  readonly files: readonly string[];
  read(file: string): Promise<Uint8Array>;
}

/** Parses a `.json` file of the folder. */
export async function readFixtureJson(folder: FixtureFolder, file: string): Promise<unknown> {
  return JSON.parse(new TextDecoder().decode(await folder.read(file)));
}

/** All tensors in a `.safetensors` file as float32; integers below 2²⁴ stay exact. */
export async function readFixtureTensors(
  folder: FixtureFolder,
  file: string,
): Promise<Map<string, NamedValues>> {
  const opened = await openSafetensors(await folder.read(file));
  try {
    return await readValues(opened);
  } finally {
    opened.close();
  }
}

/** The compact bundled set: a few seconds on any backend. */
const bundled = [
  "finetune.json",
  "finetune.safetensors",
  "lr_schedules.json",
  "mim_forward_b.json",
  "mim_forward_b.safetensors",
  "param_groups.json",
  "rel_pos.safetensors",
  "vqkd_b.json",
  "vqkd_b.safetensors",
];

/** The bundled golden numbers, wherever the project was loaded from. */
export function bundledFixtures(): FixtureFolder {
  const folder = new URL("../../tests/fixtures/parity/", import.meta.url);
  return {
    files: bundled,
    async read(file) {
      const response = await fetch(new URL(file, folder));
      if (!response.ok) throw new Error(`Cannot fetch "${response.url}": ${response.status}`);
      return await response.bytes();
    },
  };
}
