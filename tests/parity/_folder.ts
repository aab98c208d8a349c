import { openSafetensors } from "../../checkpoints/safetensors.ts";
import { toFloat32 } from "../../checkpoints/tensor_data.ts";
import type { NamedValues } from "../../models/parameter_set.ts";
import type { FixtureFolder } from "../../tasks/parity/fixture_folder.ts";

/** The golden numbers that the tests come with, in two folders. */
export function bundledFixtures(): FixtureFolder {
  const places = new Map<string, URL>();
  for (const path of ["../fixtures/", "../fixtures/parity/"]) {
    const folder = new URL(path, import.meta.url);
    for (const { name, isFile } of Deno.readDirSync(folder)) {
      if (isFile) places.set(name, new URL(name, folder));
    }
  }
  return {
    files: [...places.keys()],
    async json(file) {
      return JSON.parse(await Deno.readTextFile(places.get(file)!));
    },
    async tensors(file) {
      const opened = await openSafetensors(await Deno.readFile(places.get(file)!));
      const values = new Map<string, NamedValues>();
      for (const name of opened.names()) {
        const tensor = await opened.read(name);
        values.set(name, { shape: [...tensor.shape], values: toFloat32(tensor) });
      }
      opened.close();
      return values;
    },
  };
}
