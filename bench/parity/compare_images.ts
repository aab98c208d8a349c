import { Generator } from "../../core/generator.ts";
import { adjust, jitterCrop, type JitterOperation } from "../../data/augment/color_jitter.ts";
import { crop, flipHorizontally, type RgbImage } from "../../data/images/image.ts";
import {
  halfNormalization,
  imagenetNormalization,
  type Normalization,
  normalizeToTensorData,
} from "../../data/images/normalize.ts";
import { randomCropBox, shortEdgeSize } from "../../data/augment/random_crop.ts";
import { type Interpolation, resize } from "../../data/images/resize.ts";
import { transformImage } from "../../data/augment/transform.ts";
import type { Comparison, ToleranceName } from "./comparison.ts";
import type { Fixture } from "./fixture.ts";

interface CropStatistics {
  readonly img: readonly [number, number];
  readonly scale: readonly [number, number];
  readonly area_frac: { readonly mean: number; readonly std: number };
  readonly aspect_w_over_h: { readonly mean: number; readonly std: number };
}

interface ImageSettings {
  readonly params: { readonly edge: number; readonly crop: number };
  readonly notes: Readonly<Record<string, string | ComposedJitter>>;
  readonly crop_boxes: Readonly<
    Record<
      string,
      { top: number; left: number; height: number; width: number; out: number }
    >
  >;
  readonly rrc_stats_10k?: CropStatistics;
}

type JitterKind = JitterOperation["kind"];
type ComposedJitter =
  & { readonly order: readonly JitterKind[] }
  & Readonly<Record<JitterKind, number>>;

/** The reference's name of a filter, ours, and how close they must be. */
const filters: Readonly<Record<string, readonly [Interpolation, ToleranceName]>> = {
  pil_bicubic: ["bicubic", "exact"],
  pil_lanczos: ["lanczos", "exact"],
  pil_bilinear: ["bilinear", "exact"],
  pil_box: ["box", "exact"],
  pil_hamming: ["hamming", "exact"],
  cv2_area: ["area", "oneLevel"],
  mmselfsup_bicubic: ["area", "oneLevel"],
};

/** Preprocessing by name, with the crop whose pixels it received. */
const normalizations: Readonly<Record<string, readonly [Normalization, number]>> = {
  mmselfsup_branch1: [imagenetNormalization, 0],
  mmselfsup_branch2: [halfNormalization, 1],
  unilm_imagenet: [imagenetNormalization, 0],
  unilm_inception: [halfNormalization, 0],
};

function imageOf(fixture: Fixture, name: string): RgbImage {
  const { shape: [height, width], values } = fixture.get(name);
  return { width, height, data: Uint8Array.from(values) };
}

/** What a golden image is compared with; null for those that concern another library. */
function reproduce(
  fixture: Fixture,
  settings: ImageSettings,
  picture: string,
  rest: string,
): [ArrayLike<number>, ToleranceName] | null {
  const source = imageOf(fixture, `${picture}.src`);
  const [kind, ...words] = rest.split(".");
  if (kind === "hflip") return [flipHorizontally(source).data, "exact"];
  if (kind === "test") return reproduceTest(settings, source, words[0]);
  if (kind === "resize" && filters[words[0]] !== undefined) {
    const [interpolation, tolerance] = filters[words[0]];
    const [width, height] = words[1].split("x").map(Number);
    return [resize(source, { width, height, interpolation }).data, tolerance];
  }
  const box = settings.crop_boxes[`${picture}.${kind.replace("crop", "")}`];
  if (kind.startsWith("crop") && box !== undefined && filters[words[0]] !== undefined) {
    const [interpolation, tolerance] = filters[words[0]];
    const part = crop(source, box);
    return [resize(part, { width: box.out, height: box.out, interpolation }).data, tolerance];
  }
  if (kind === "jitter") return reproduceJitter(settings, source, picture, words);
  if (kind === "norm" && normalizations[words[0]] !== undefined) {
    const [{ mean, std }, index] = normalizations[words[0]];
    const pixels = imageOf(fixture, `${picture}.crop${index}.pil_bicubic`);
    return [normalizeToTensorData(pixels.data, 1, pixels.width, mean, std), "normalisedPixel"];
  }
  return null;
}

function reproduceTest(
  { params }: ImageSettings,
  source: RgbImage,
  what: string,
): [ArrayLike<number>, ToleranceName] | null {
  if (what === "resize_edge") {
    return [resize(source, shortEdgeSize(source.width, source.height, params.edge)).data, "exact"];
  }
  if (what !== "center_crop") return null;
  const transform = { kind: "test", size: params.crop, edge: params.edge } as const;
  return [transformImage(source, transform, Generator.from(0)).student.data, "exact"];
}

function reproduceJitter(
  { notes }: ImageSettings,
  source: RgbImage,
  picture: string,
  words: readonly string[],
): [ArrayLike<number>, ToleranceName] | null {
  const kind = words[0].replace("pil_", "");
  if (kind.startsWith("composed")) {
    const note = notes[`${picture}.${kind}`];
    if (typeof note !== "object") return null;
    const operations = note.order.map((each) => ({ kind: each, factor: note[each] }));
    const whole = { top: 0, left: 0, width: source.width, height: source.height };
    return [jitterCrop(source, whole, operations).data, "exact"];
  }
  const factor = Number(words.slice(1).join("."));
  return [adjust(source, { kind: kind as JitterKind, factor }).data, "exact"];
}

/** Means of many boxes, as distances in standard errors. */
function compareCropStatistics(comparison: Comparison, golden: CropStatistics): void {
  const total = 10_000;
  const [height, width] = golden.img;
  const generator = Generator.from(4);
  let [area, aspect] = [0, 0];
  for (let index = 0; index < total; index++) {
    const box = randomCropBox(generator, { width, height, scale: golden.scale });
    area += box.width * box.height / (width * height) / total;
    aspect += box.width / box.height / total;
  }
  const check = (name: string, found: number, { mean, std }: { mean: number; std: number }) => {
    const errors = (found - mean) / (std * Math.sqrt(2 / total));
    comparison.checkNumber(`random crops: ${name}`, errors, 0, "standardErrors");
  };
  check("mean area", area, golden.area_frac);
  check("mean aspect", aspect, golden.aspect_w_over_h);
}

/** `image_transforms*`: resizing, crops, colour jitter, flips, test transform, normalisation. */
export function compareImages(comparison: Comparison, fixture: Fixture, json: unknown): void {
  const settings = json as ImageSettings;
  for (const [name, golden] of fixture.below("")) {
    const [picture, ...words] = name.split(".");
    if (words[0] === "src" || !fixture.has(`${picture}.src`)) continue;
    const found = reproduce(fixture, settings, picture, words.join("."));
    if (found !== null) comparison.check(name, found[0], golden.values, found[1]);
  }
  if (settings.rrc_stats_10k !== undefined) {
    compareCropStatistics(comparison, settings.rrc_stats_10k);
  }
}
