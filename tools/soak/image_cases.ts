/** Damaged images, decoded by either decoder and made into views of every kind. @module */

import { fileURLToPath } from "node:url";
import type { Generator } from "../../core/generator.ts";
import { createImageDecoder, type ImageDecoder } from "../../data/decode.ts";
import { type Transform, transformImage } from "../../data/transform.ts";
import type { Case } from "./child.ts";
import { mutate, oneOf } from "./mutate.ts";

const fixtures = fileURLToPath(new URL("../../tests/fixtures", import.meta.url));

/** Pictures of every format that is read. */
function victims(): Uint8Array[] {
  const folders = ["images", "images/odd", "compat/0.1.0/data/val/dark"];
  return folders.flatMap((folder) =>
    Array.from(
      Deno.readDirSync(`${fixtures}/${folder}`),
      ({ name, isFile }) => isFile ? [Deno.readFileSync(`${fixtures}/${folder}/${name}`)] : [],
    ).flat()
  );
}

const transforms: readonly Transform[] = [
  { kind: "test", size: 32 },
  { kind: "test", size: 224 },
  { kind: "train", size: 32, scale: [0.2, 1] },
  {
    kind: "train",
    size: 64,
    scale: [0.08, 1],
    tokenizerSize: 32,
    jitter: { brightness: 0.4, contrast: 0.4, saturation: 0.2, hue: 0.1 },
  },
];

/** Prepares the cases. */
export async function imageCases(): Promise<Case> {
  const all = victims();
  const decoders: ImageDecoder[] = [
    await createImageDecoder({ native: false }),
    await createImageDecoder({ native: "auto" }),
  ];
  return async (generator: Generator, index) => {
    const bytes = mutate(oneOf(all, generator), generator);
    const decoder = decoders[index % decoders.length];
    const exif = generator.next() < 0.5;
    const image = await decoder.decode(bytes, `damaged-${index}`, { exif });
    transformImage(image, oneOf(transforms, generator), generator);
    return "decoded";
  };
}
