import { openSafetensors } from "../../checkpoints/safetensors.ts";
import { toFloat32 } from "../../checkpoints/tensor_data.ts";
import type { NamedValues } from "../../models/parameter_set.ts";
import type { FixtureFolder } from "../../tasks/parity/fixture_folder.ts";

/** The golden numbers that the tests come with. */
export function bundledFixtures(): FixtureFolder {
  const folder = new URL("../fixtures/parity/", import.meta.url);
  return {
    files: [...Deno.readDirSync(folder)].map(({ name }) => name),
    async json(file) {
      return JSON.parse(await Deno.readTextFile(new URL(file, folder)));
    },
    async tensors(file) {
      const opened = await openSafetensors(await Deno.readFile(new URL(file, folder)));
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
