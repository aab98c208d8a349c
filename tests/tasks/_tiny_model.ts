/** A tiny pretrained model, and a folder of bright and dark images that it can tell apart. */
import { writeSafetensors } from "../../checkpoints/safetensors/safetensors_writer.ts";
import { Generator } from "../../core/generator.ts";
import type { BeitConfig } from "../../models/beit_config.ts";
import { initialiseBeit } from "../../models/initialise.ts";
import { maskedImageModelSpecs } from "../../models/masked_image_model.ts";

/** 16 px in patches of 4, two blocks. */
export const tinyShape: BeitConfig = {
  imageSize: 16,
  patchSize: 4,
  embedDim: 16,
  depth: 2,
  heads: 2,
  mlpRatio: 2,
  layerScaleInitValue: 0.1,
  usesAbsolutePositions: false,
  usesSharedRelativePositionBias: true,
  usesRelativePositionBias: false,
  dropPathRate: 0,
  dropPathTwice: false,
  earlyLayers: 1,
  headLayers: 1,
  codes: 8,
  initVariant: "xavier",
};

/** Writes a pretraining checkpoint with random weights, biased tables included; gives its path. */
export async function writeTinyModel(
  folder: string,
  changes: Partial<BeitConfig> = {},
): Promise<string> {
  const shape = { ...tinyShape, ...changes };
  const initialise = initialiseBeit(shape, Generator.from(3));
  const path = `${folder}/model.safetensors`;
  await writeSafetensors(
    path,
    maskedImageModelSpecs(shape).map((spec) => {
      const isTable = spec.name.endsWith("relative_position_bias_table");
      const data = isTable
        ? Float32Array.from(initialise(spec), (_, index) => Math.sin(index))
        : initialise(spec);
      return [spec.name, { dtype: "F32", shape: spec.shape, data }] as const;
    }),
    { "mimic.shape": JSON.stringify(shape) },
  );
  return path;
}

/** One grey image of 20 × 20 px around a level. */
function picture(generator: Generator, level: number): Uint8Array {
  const head = new TextEncoder().encode("P5 20 20 255\n");
  const file = new Uint8Array(head.length + 400);
  file.set(head);
  for (let i = head.length; i < file.length; i++) file[i] = level + generator.integer(0, 40);
  return file;
}

/** Writes `train` and `val` with the class folders bright and dark; gives the folder. */
export function writeTinyData(folder: string, perClass = { train: 12, val: 6 }): string {
  const data = `${folder}/data`;
  const generator = Generator.from(9);
  for (const [split, count] of Object.entries(perClass)) {
    for (const [name, level] of [["bright", 190], ["dark", 20]] as const) {
      Deno.mkdirSync(`${data}/${split}/${name}`, { recursive: true });
      for (let i = 0; i < count; i++) {
        Deno.writeFileSync(`${data}/${split}/${name}/${i}.pgm`, picture(generator, level));
      }
    }
  }
  return data;
}
