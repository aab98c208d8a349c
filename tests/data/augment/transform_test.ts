import assert from "node:assert/strict";
import { Generator } from "../../../core/generator.ts";
import {
  halfNormalization,
  imagenetNormalization,
  normalizeToTensorData,
  unitNormalization,
} from "../../../data/images/normalize.ts";
import { jitterCrop } from "../../../data/augment/color_jitter.ts";
import { shortEdgeSize } from "../../../data/augment/random_crop.ts";
import { resize } from "../../../data/images/resize.ts";
import {
  hasEqualViews,
  type TrainTransform,
  transformImage,
} from "../../../data/augment/transform.ts";
import { largestDifference, readJson, TensorFile } from "../_fixtures.ts";

const tensors = new TensorFile("image_transforms");
const json = readJson("image_transforms");

Deno.test("the test transform equals the reference's resize and centre crop", () => {
  const { edge, crop } = json.params;
  for (const picture of ["cat", "coffee"]) {
    const source = tensors.image(`${picture}.src`);
    const size = shortEdgeSize(source.width, source.height, edge);
    const whole = resize(source, size);
    assert.deepEqual(whole, tensors.image(`${picture}.test.resize_edge`));
    const { student } = transformImage(
      source,
      { kind: "test", size: crop, edge },
      Generator.from(0),
    );
    assert.deepEqual(student, tensors.image(`${picture}.test.center_crop`));
  }
});

Deno.test("normalizeToTensorData() equals both reference preprocessors", () => {
  for (const picture of ["cat", "coffee"]) {
    for (
      const [name, crop, { mean, std }, tolerance] of [
        ["mmselfsup_branch1", 0, imagenetNormalization, 1e-6],
        ["mmselfsup_branch2", 1, halfNormalization, 1e-6],
        ["unilm_imagenet", 0, imagenetNormalization, 2e-6],
        ["unilm_inception", 0, halfNormalization, 1e-6],
      ] as const
    ) {
      const pixels = tensors.bytes(`${picture}.crop${crop}.pil_bicubic`);
      const wanted = tensors.floats(`${picture}.norm.${name}`);
      const result = normalizeToTensorData(pixels, 1, 32, mean, std);
      assert.ok(largestDifference(result, wanted) <= tolerance, `${picture} ${name}`);
    }
  }
});

Deno.test("normalizeToTensorData() keeps pictures of a batch apart and checks lengths", () => {
  const { mean, std } = unitNormalization;
  const pixels = Uint8Array.of(0, 51, 102, 153, 204, 255);
  const result = normalizeToTensorData(pixels, 2, 1, mean, std);
  assert.ok(largestDifference(result, [0, 0.2, 0.4, 0.6, 0.8, 1]) < 1e-7);
  assert.throws(() => normalizeToTensorData(pixels, 1, 1, mean, std), /expected 3 bytes/);
});

const pretraining: TrainTransform = {
  kind: "train",
  size: 24,
  scale: [0.2, 1],
  jitter: { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 },
};

Deno.test("transformImage() makes one view where both are equal, two of one crop where not", () => {
  const source = tensors.image("cat.src");
  const draws = () => Generator.from(1).split("augment", 2, 3);
  const equal = transformImage(source, pretraining, draws());
  assert.equal(equal.student, equal.tokenizer);
  assert.ok(hasEqualViews({ ...pretraining, tokenizerSize: 24 }));
  const other = transformImage(source, { ...pretraining, tokenizerSize: 12 }, draws());
  assert.deepEqual(other.student, equal.student);
  assert.equal(other.tokenizer.width, 12);
  const again = resize(equal.student, { width: 12, height: 12 });
  assert.ok(largestDifference(other.tokenizer.data, again.data) < 60);
});

Deno.test("transformImage() with the whole picture and no jitter is a resize, or its mirror", () => {
  const source = resize(tensors.image("cat.src"), { width: 64, height: 64 });
  const plain: TrainTransform = { kind: "train", size: 24, scale: [1, 1], ratio: [1, 1], flip: 0 };
  const wanted = resize(source, { width: 24, height: 24 });
  const { student } = transformImage(source, plain, Generator.from(2));
  assert.deepEqual(student, wanted);
  const mirrored = transformImage(source, { ...plain, flip: 1 }, Generator.from(2)).student;
  const row = (data: Uint8Array, x: number) => [...data.subarray(x * 3, x * 3 + 3)];
  for (let x = 0; x < 24; x++) {
    assert.ok(largestDifference(row(mirrored.data, x), row(wanted.data, 23 - x)) <= 1);
  }
});

Deno.test("transformImage() gives the policy and the erasing of fine-tuning to the student alone", () => {
  const source = tensors.image("coffee.src");
  const transform: TrainTransform = {
    kind: "train",
    size: 24,
    scale: [0.35, 1],
    tokenizerSize: 16,
    randAugment: { probability: 1 },
    erasing: { probability: 1 },
  };
  const { randAugment: _, erasing: __, ...plain } = transform;
  const one = transformImage(source, transform, Generator.from(8));
  const other = transformImage(source, plain, Generator.from(8));
  assert.deepEqual(one.tokenizer, other.tokenizer);
  assert.notDeepEqual(one.student, other.student);
});

Deno.test("a crop that reaches beyond the image is refused, not filled with other rows", () => {
  const image = { width: 4, height: 3, data: new Uint8Array(36).fill(7) };
  assert.throws(
    () => transformImage(image, { kind: "test", size: 8, edge: 6 }, Generator.from(0)),
    /Cannot crop 8 × 8 pixels at column 0, row -1: the image is 8 × 6/,
  );
  const box = { top: 0, left: 2, width: 3, height: 3 };
  for (const operations of [[], [{ kind: "brightness", factor: 1.1 } as const]]) {
    assert.throws(() => jitterCrop(image, box, operations), /Cannot crop 3 × 3 pixels at column 2/);
  }
});
