/**
 * Damaged images, decoded by either decoder and made into views of every kind, or read as label maps.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import type { Generator } from "../../core/generator.ts";
import { createImageDecoder, type ImageDecoder } from "../../data/images/decode.ts";
import { type Transform, transformImage } from "../../data/augment/transform.ts";
import type { Case } from "./case.ts";
import { decodeLabels } from "../../data/sources/decode_labels.ts";
import { mutate, oneOf } from "./mutate.ts";
import { damagePngRows, repairPng } from "./repair.ts";

const fixtures = fileURLToPath(new URL("../../tests/fixtures", import.meta.url));

/** Pictures of every format that is read, by name. */
function victims(): [string, Uint8Array][] {
  const folders = ["images", "images/odd", "images/bmp", "compat/0.1.0/data/val/dark"];
  const paths = folders.flatMap((folder) =>
    Array.from(Deno.readDirSync(`${fixtures}/${folder}`)).filter(({ isFile }) => isFile)
      .map(({ name }) => `${folder}/${name}`).sort()
  );
  return paths.map((path) => [path, Deno.readFileSync(`${fixtures}/${path}`)]);
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

/** Damages an image; half of the PNGs keep correct checksums, so that what lies behind them is tested. */
function damage(bytes: Uint8Array, generator: Generator): Uint8Array {
  const isPng = bytes[1] === 0x50 && bytes[2] === 0x4e;
  const way = isPng ? generator.integer(0, 3) : 0;
  if (way < 2) return mutate(bytes, generator);
  return way === 2 ? repairPng(mutate(bytes, generator)) : damagePngRows(bytes, generator);
}

/** Prepares the cases. */
export async function imageCases(): Promise<Case> {
  const all = victims();
  const decoders: ImageDecoder[] = [
    await createImageDecoder({ native: false }),
    await createImageDecoder({ native: "auto" }),
  ];
  return async (generator: Generator, index, about) => {
    const [name, whole] = oneOf(all, generator);
    const bytes = damage(whole, generator);
    const decoder = decoders[index % decoders.length];
    about(`${name}, ${decoder.name} decoder`);
    if (generator.next() < 0.2) {
      await decodeLabels(bytes, `damaged-${index}`, { decoder, isReduced: false });
      return "labels";
    }
    const exif = generator.next() < 0.5;
    const image = await decoder.decode(bytes, `damaged-${index}`, { exif });
    transformImage(image, oneOf(transforms, generator), generator);
    return "decoded";
  };
}
