/** Small coloured pictures with classes, lists, label maps and flaws, for every key that reads data. */
import { Generator } from "../../../core/generator.ts";

/** A coloured picture of 24 × 20 px around a level, as PPM; `edge` columns at its sides are bright. */
function picture(generator: Generator, level: number, edge = 0): Uint8Array {
  const head = new TextEncoder().encode("P6 24 20 255\n");
  const file = new Uint8Array(head.length + 24 * 20 * 3);
  file.set(head);
  for (let i = head.length; i < file.length; i++) {
    const column = Math.floor((i - head.length) / 3) % 24;
    const light = column < edge || column >= 24 - edge ? 150 : 0;
    file[i] = Math.min(255, level + light + (i % 3) * 30 + generator.integer(0, 60));
  }
  return file;
}

/** A label map of 24 × 20 px, as PGM: two halves, and a strip of label 0. */
function labelMap(generator: Generator): Uint8Array {
  const edge = generator.integer(6, 18);
  const head = new TextEncoder().encode("P5 24 20 255\n");
  const labels = Array.from({ length: 24 * 20 }, (_, i) => i % 24 < edge ? 1 : i < 60 ? 0 : 2);
  return Uint8Array.from([...head, ...labels]);
}

/** Writes `data`, `others`, `broken`, `turned` and `maps` into a folder. */
export async function writeOptionData(folder: string): Promise<void> {
  const generator = Generator.from(21);
  const write = (path: string, bytes: Uint8Array | string) => {
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    if (typeof bytes === "string") Deno.writeTextFileSync(path, bytes);
    else Deno.writeFileSync(path, bytes);
  };
  for (const [set, shift] of [["data", 0], ["others", 60], ["broken", 0]] as const) {
    for (const [split, count] of [["train", 8], ["val", 12]] as const) {
      for (const [name, edge] of [["dark", 0], ["pale", 7]] as const) {
        // Unequal shares, so that a model that knows one class alone scores differently on each.
        const part = split === "val" && name === "pale" ? (set === "others" ? 10 : 5) : count;
        for (let i = 0; i < part; i++) {
          const path = `${folder}/${set}/${split}/${name}/${i}.ppm`;
          // One test image is in the wrong folder, so that no test set is like another.
          const isWrong = split === "val" && name === "dark" && i === 0;
          write(path, picture(generator, 20 + shift, isWrong ? 7 : edge));
          if (set === "data") {
            write(`${folder}/flat/${name}/${split}${i}.ppm`, Deno.readFileSync(path));
          }
        }
      }
    }
  }
  // Faint differences, which k-NN and linear classifiers get right in part.
  for (const [split, count] of [["train", 16], ["val", 20]] as const) {
    for (const [name, level] of [["dark", 40], ["pale", 44]] as const) {
      for (let i = 0; i < count; i++) {
        write(`${folder}/faint/${split}/${name}/${i}.ppm`, picture(generator, level));
      }
    }
  }
  write(`${folder}/broken/train/dark/0.ppm`, "P6 24 20 255\n");
  const lines = ["dark/0.ppm 0", "pale/0.ppm 1", "dark/1.ppm 0", "dark/2.ppm 0", "dark/3.ppm 0"];
  for (const place of ["data", "data/train", "data/val"]) {
    write(`${folder}/${place}/train.txt`, lines.join("\n"));
    write(`${folder}/${place}/val.txt`, lines.slice(0, 2).join("\n"));
  }
  write(`${folder}/exclude.txt`, "train/dark/1.ppm\ntrain/dark/2.ppm\nimages/training/1.ppm\n");
  const turned = await Deno.readFile(
    new URL("../../fixtures/images/cat_exif6.jpg", import.meta.url),
  );
  for (const split of ["train", "val"]) {
    for (const name of ["a", "b"]) {
      for (let i = 0; i < 4; i++) write(`${folder}/turned/${split}/${name}/${i}.jpg`, turned);
    }
    for (let i = 0; i < 4; i++) {
      write(`${folder}/turned/images/${split}ing/${i}.jpg`, turned);
      write(`${folder}/turned/annotations/${split}ing/${i}.pgm`, labelMap(generator));
    }
  }
  for (const [split, count] of [["training", 8], ["validation", 2]] as const) {
    for (let i = 0; i < count; i++) {
      for (const [set, level] of [["maps", 50], ["maps2", 120], ["broken", 50]] as const) {
        const isBroken = set === "broken" && split === "training" && i === 0;
        const image = isBroken ? "P6 24 20 255\n" : picture(generator, level);
        write(`${folder}/${set}/images/${split}/${i}.ppm`, image);
        write(`${folder}/${set}/annotations/${split}/${i}.pgm`, labelMap(generator));
      }
    }
  }
}
