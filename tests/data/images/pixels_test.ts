import assert from "node:assert/strict";
import { Generator } from "../../../core/generator.ts";
import { pixelsWasm } from "../../../data/images/pixels_wasm.ts";
import {
  drawJitter,
  jitterCrop,
  type JitterOperation,
} from "../../../data/augment/color_jitter.ts";
import { crop, flipHorizontally, type RgbImage } from "../../../data/images/image.ts";
import { resize } from "../../../data/images/resize.ts";
import { assemblePixels } from "../../../tools/build_pixels.ts";
import { largestDifference } from "../_fixtures.ts";

Deno.test("the bundled WebAssembly is pixels.wat, assembled", async () => {
  const bundled = Uint8Array.from(atob(pixelsWasm), (character) => character.charCodeAt(0));
  assert.deepEqual(bundled, new Uint8Array(await assemblePixels()));
});

function noise(generator: Generator, width: number, height: number): RgbImage {
  const data = Uint8Array.from({ length: width * height * 3 }, () => generator.integer(0, 255));
  return { width, height, data };
}

const f = Math.fround;
const clipped = (value: number) => Math.trunc(Math.min(255, Math.max(0, value)));

/** The jitter in the plainest form: whole picture, one operation after the other. */
function plainJitter(image: RgbImage, operations: JitterOperation[]): RgbImage {
  let data = [...image.data];
  const grayAt = (i: number) => {
    const at = i - i % 3;
    return (19595 * data[at] + 38470 * data[at + 1] + 7471 * data[at + 2] + 32768) >> 16;
  };
  for (const { kind, factor } of operations) {
    const alpha = f(factor);
    const sum = data.reduce((total, _, i) => i % 3 === 0 ? total + grayAt(i) : total, 0);
    const mean = Math.trunc(sum / (data.length / 3) + 0.5);
    data = data.map((value, i) => {
      const level = kind === "saturation" ? grayAt(i) : kind === "contrast" ? mean : 0;
      return clipped(f(level + f(alpha * (value - level))));
    });
  }
  return { ...image, data: Uint8Array.from(data) };
}

Deno.test("jitterCrop() equals the plain arithmetic on pictures of every size", () => {
  const generator = Generator.from(12);
  const strength = { brightness: 1, contrast: 1, saturation: 1, hue: 0 };
  for (let round = 0; round < 60; round++) {
    const width = generator.integer(1, 23), height = generator.integer(1, 9);
    const image = noise(generator, width, height);
    const operations = drawJitter(generator, strength);
    const top = generator.integer(0, height - 1), left = generator.integer(0, width - 1);
    const box = {
      top,
      left,
      height: generator.integer(1, height - top),
      width: generator.integer(1, width - left),
    };
    const wanted = crop(plainJitter(image, operations), box);
    assert.deepEqual(jitterCrop(image, box, operations), wanted);
    assert.deepEqual(jitterCrop(image, box, operations, true), flipHorizontally(wanted));
  }
});

Deno.test("jitterCrop() takes the mean over all of a picture larger than a block", () => {
  const width = 1025, height = 1024;
  const data = new Uint8Array(width * height * 3);
  data.fill(200, data.length >> 1);
  const box = { top: 0, left: 0, width: 1, height: 1 };
  const result = jitterCrop({ width, height, data }, box, [{ kind: "contrast", factor: 0 }]);
  assert.deepEqual([...result.data], [100, 100, 100]);
});

/** Pillow's bilinear resize along one axis, written down from its definition. */
function plainBilinear(samples: number[], to: number): number[] {
  const scale = samples.length / to;
  const support = Math.max(1, scale);
  return Array.from({ length: to }, (_, x) => {
    const centre = (x + 0.5) * scale;
    const low = Math.max(0, Math.trunc(centre - support + 0.5));
    const high = Math.min(samples.length, Math.trunc(centre + support + 0.5));
    const window = samples.slice(low, high);
    const weights = window.map((_, i) =>
      Math.max(0, 1 - Math.abs((low + i - centre + 0.5) / support))
    );
    const sum = weights.reduce((total, weight) => total + weight, 0);
    const fixed = weights.map((weight) => Math.trunc(weight / sum * 2 ** 22 + 0.5));
    const total = window.reduce((value, sample, i) => value + sample * fixed[i], 2 ** 21);
    return Math.min(255, Math.max(0, Math.floor(total / 2 ** 22)));
  });
}

Deno.test("resize() equals the plain sums on pictures of every size", () => {
  const generator = Generator.from(5);
  for (let round = 0; round < 40; round++) {
    const image = noise(generator, generator.integer(1, 40), generator.integer(1, 40));
    const width = generator.integer(1, 40), height = generator.integer(1, 40);
    const result = resize(image, { width, height, interpolation: "bilinear" });
    const wanted: number[] = new Array(width * height * 3);
    for (let channel = 0; channel < 3; channel++) {
      const rows = Array.from({ length: image.height }, (_, y) =>
        plainBilinear(
          Array.from(
            { length: image.width },
            (_, x) => image.data[(y * image.width + x) * 3 + channel],
          ),
          width,
        ));
      for (let x = 0; x < width; x++) {
        plainBilinear(rows.map((row) => row[x]), height).forEach((value, y) => {
          wanted[(y * width + x) * 3 + channel] = value;
        });
      }
    }
    assert.equal(largestDifference(result.data, wanted), 0);
  }
});
