/**
 * CPU time of the data pipeline for one image of 500 × 375 pixels: decode, colour jitter, flip, crop,
 * bicubic resize to 224, both normalisations. `pipeline.py` does the same with Pillow and NumPy:
 *
 *     deno task bench data --python python3
 *
 * The two alternate; what counts is the ratio of the medians, not the times.
 *
 * @module
 */
import { cpuUsage } from "node:process";
import { Generator } from "../../core/generator.ts";
import {
  createImageDecoder,
  halfNormalization,
  imagenetNormalization,
  normalizeToTensorData,
  type TrainTransform,
  transformImage,
} from "../../data/mod.ts";
import { median } from "../../core/median.ts";
import { readOptions } from "../options.ts";
import { keep } from "../report.ts";

const { options: { python } } = readOptions({ python: "python3" });

const photo = new URL("../../tests/fixtures/images/photo_500x375.jpg", import.meta.url);
const transform: TrainTransform = {
  kind: "train",
  size: 224,
  scale: [0.2, 1],
  jitter: { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0 },
};
const pictures = 100;
const rounds = 5;

const file = await Deno.readFile(photo);
const decoder = await createImageDecoder();

async function prepare(index: number): Promise<void> {
  const image = await decoder.decode(file, "photo");
  const draws = Generator.from(1).split("augment", 0, index);
  const { student, tokenizer } = transformImage(image, transform, draws);
  for (
    const [view, { mean, std }] of [
      [student, imagenetNormalization],
      [tokenizer, halfNormalization],
    ] as const
  ) {
    normalizeToTensorData(view.data, 1, transform.size, mean, std);
  }
}

async function ours(): Promise<number> {
  const before = cpuUsage();
  for (let index = 0; index < pictures; index++) await prepare(index);
  const { user, system } = cpuUsage(before);
  return (user + system) / 1000 / pictures;
}

async function theirs(): Promise<number | undefined> {
  try {
    const script = decodeURIComponent(new URL("pipeline.py", import.meta.url).pathname);
    const args = [script, decodeURIComponent(photo.pathname), String(pictures)];
    const { success, stdout } = await new Deno.Command(python, { args, stderr: "null" })
      .output();
    return success ? Number(new TextDecoder().decode(stdout)) : undefined;
  } catch {
    return undefined;
  }
}

await ours();
const times: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] };
for (let round = 0; round < rounds; round++) {
  times.ours.push(await ours());
  const other = await theirs();
  if (other !== undefined) times.theirs.push(other);
}
const result = { decoder: decoder.name, milliseconds: median(times.ours) };
if (times.theirs.length === 0) {
  console.log(
    JSON.stringify({ ...result, note: `${python} with Pillow and NumPy is not installed` }),
  );
} else {
  const pillow = median(times.theirs);
  const ratio = pillow / result.milliseconds;
  const found = { ...result, pillowMilliseconds: pillow, ratio };
  console.log(JSON.stringify(found));
  await keep("data_pipeline", found);
}
