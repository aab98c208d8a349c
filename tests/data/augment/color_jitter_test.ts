import assert from "node:assert/strict";
import {
  adjust,
  drawJitter,
  jitterCrop,
  type JitterOperation,
} from "../../../data/augment/color_jitter.ts";
import { Generator } from "../../../core/generator.ts";
import { crop, flipHorizontally } from "../../../data/images/image.ts";
import { largestDifference, readJson, TensorFile } from "../_fixtures.ts";

const tensors = new TensorFile("image_transforms");
const json = readJson("image_transforms");
type Kind = JitterOperation["kind"];

Deno.test("adjust() equals Pillow's ImageEnhance and torchvision's hue bit for bit", () => {
  let compared = 0;
  for (const name of tensors.names) {
    const match = name.match(/^(\w+)\.jitter\.pil_(brightness|contrast|saturation|hue)\.(.+)$/);
    if (match === null) continue;
    const [, picture, kind, factor] = match;
    const operation = { kind: kind as Kind, factor: Number(factor) };
    const result = adjust(tensors.image(`${picture}.src`), operation);
    assert.equal(largestDifference(result.data, tensors.bytes(name)), 0, name);
    compared++;
  }
  assert.equal(compared, 16);
});

function composed(picture: string, index: number): JitterOperation[] {
  const note = json.notes[`${picture}.composed${index}`];
  return note.order.map((kind: Kind) => ({ kind, factor: note[kind] }));
}

Deno.test("jitterCrop() equals operations in sequence, on the whole and on a mirrored part", () => {
  for (const picture of ["cat", "coffee"]) {
    for (const index of [0, 1]) {
      const source = tensors.image(`${picture}.src`);
      const wanted = tensors.image(`${picture}.jitter.pil_composed${index}`);
      const whole = { top: 0, left: 0, width: source.width, height: source.height };
      const operations = composed(picture, index);
      assert.deepEqual(jitterCrop(source, whole, operations), wanted);
      const box = { top: 5, left: 7, width: 40, height: 30 };
      const part = jitterCrop(source, box, operations, true);
      assert.deepEqual(part, flipHorizontally(crop(wanted, box)));
    }
  }
});

Deno.test("flipHorizontally() mirrors", () => {
  assert.deepEqual(flipHorizontally(tensors.image("cat.src")), tensors.image("cat.hflip"));
});

Deno.test("drawJitter() draws every order and keeps factors in range", () => {
  const generator = Generator.from(3);
  const strength = { brightness: 0.4, contrast: 0.4, saturation: 0.2, hue: 0 };
  const orders = new Set<string>();
  for (let i = 0; i < 300; i++) {
    const operations = drawJitter(generator, strength);
    orders.add(operations.map((operation) => operation.kind).join());
    for (const { kind, factor } of operations) {
      assert.ok(Math.abs(factor - 1) <= strength[kind], `${kind} ${factor}`);
    }
  }
  assert.equal(orders.size, 6);
});
