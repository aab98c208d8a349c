import assert from "node:assert/strict";
import { UserError } from "../../../core/errors.ts";
import { Generator } from "../../../core/generator.ts";
import { cutmixBox, drawBeta, drawMix, mixImages, softLabels } from "../../../data/augment/mix.ts";
import { drawErasedBox, eraseRandomly } from "../../../data/augment/random_erasing.ts";
import { largestDifference } from "../_fixtures.ts";

Deno.test("drawBeta() has the moments of the Beta distribution", () => {
  const generator = Generator.from(1);
  for (const [a, b] of [[0.8, 0.8], [1, 1], [2, 5]]) {
    const draws = Array.from({ length: 20_000 }, () => drawBeta(generator, a, b));
    const mean = draws.reduce((sum, x) => sum + x, 0) / draws.length;
    const variance = draws.reduce((sum, x) => sum + (x - mean) ** 2, 0) / draws.length;
    assert.ok(Math.abs(mean - a / (a + b)) < 0.01, `${mean}`);
    const wanted = a * b / ((a + b) ** 2 * (a + b + 1));
    assert.ok(Math.abs(variance - wanted) < 0.005, `${variance} ${wanted}`);
    assert.ok(draws.every((x) => x >= 0 && x <= 1));
  }
});

Deno.test("cutmixBox() has sides √(1 − λ), clipped at the border", () => {
  const generator = Generator.from(2);
  for (let i = 0; i < 200; i++) {
    const { top, left, height, width } = cutmixBox(generator, 32, 0.75);
    assert.ok(top >= 0 && left >= 0 && top + height <= 32 && left + width <= 32);
    assert.ok(height <= 16 && width <= 16 && height >= 8 && width >= 8);
  }
});

Deno.test("drawMix() takes mixup and CutMix in turn and corrects λ by the box", () => {
  let cut = 0;
  for (let i = 0; i < 1000; i++) {
    const draw = drawMix(Generator.from(i), 4, 32, {})!;
    assert.deepEqual([...draw.partners], [3, 2, 1, 0]);
    if (draw.box === undefined) continue;
    cut++;
    assert.equal(draw.lambda, 1 - draw.box.height * draw.box.width / 1024);
  }
  assert.ok(Math.abs(cut - 500) < 80, `${cut}`);
  assert.equal(drawMix(Generator.from(1), 4, 32, { mixup: 0, cutmix: 0 }), undefined);
  assert.equal(drawMix(Generator.from(1), 4, 32, { probability: 0 }), undefined);
  const permuted = drawMix(Generator.from(1), 50, 32, { variant: "mmselfsup" })!;
  assert.equal(new Set(permuted.partners).size, 50);
  assert.equal(drawMix(Generator.from(1), 4, 32, { mixup: 0 })!.box === undefined, false);
});

Deno.test("mixImages() blends or pastes", () => {
  const size = 2;
  const images = Float32Array.from({ length: 24 }, (_, i) => i);
  const partners = Uint32Array.of(1, 0);
  const blended = mixImages(images, size, { lambda: 0.75, partners });
  assert.ok(largestDifference(blended.subarray(0, 2), [3, 4]) < 1e-6);
  assert.ok(largestDifference(blended.subarray(12, 14), [9, 10]) < 1e-6);
  const box = { top: 1, left: 0, height: 1, width: 1 };
  const pasted = mixImages(images, size, { lambda: 0.75, partners, box });
  assert.deepEqual([...pasted.subarray(0, 8)], [0, 1, 14, 3, 4, 5, 18, 7]);
  assert.deepEqual([...pasted.subarray(12, 16)], [12, 13, 2, 15]);
});

Deno.test("softLabels() smooths as timm and mmcls do", () => {
  const draw = { lambda: 0.7, partners: Uint32Array.of(1, 0) };
  const labels = softLabels(Int32Array.of(2, 0), 4, { smoothing: 0.1, draw });
  const off = 0.1 / 4;
  const wanted = [0.27 + off, off, 0.63 + off, off, 0.63 + off, off, 0.27 + off, off];
  assert.ok(largestDifference(labels, wanted) < 1e-6);
  const hard = softLabels(Int32Array.of(1), 2, { smoothing: 0 });
  assert.deepEqual([...hard], [0, 1]);
});

Deno.test("drawErasedBox() and eraseRandomly() keep to probability and area", () => {
  const size = { width: 48, height: 40 };
  let boxes = 0;
  for (let i = 0; i < 2000; i++) {
    const box = drawErasedBox(Generator.from(i), size);
    if (box === undefined) continue;
    boxes++;
    const share = box.width * box.height / (48 * 40);
    assert.ok(share > 0.012 && share < 0.36, `${share}`);
  }
  assert.ok(Math.abs(boxes / 2000 - 0.25) < 0.04, `${boxes}`);
  const image = { ...size, data: new Uint8Array(48 * 40 * 3).fill(7) };
  const erased = eraseRandomly(image, Generator.from(3), { probability: 1 });
  const changed = erased.data.filter((value) => value !== 7);
  const mean = changed.reduce((sum, value) => sum + value, 0) / changed.length;
  assert.ok(mean > 95 && mean < 135, `${mean}`);
  assert.ok(image.data.every((value) => value === 7));
});

Deno.test("softLabels() writes no label outside its image's row", () => {
  for (const label of [-1, 2, 7]) {
    for (const partners of [undefined, Uint32Array.of(1, 0)]) {
      const draw = partners === undefined ? {} : { draw: { lambda: 0.7, partners } };
      assert.throws(() => softLabels(Int32Array.of(0, label), 2, draw), (error) => {
        assert.ok(error instanceof UserError);
        assert.match(error.message, new RegExp(`label ${label}: the model has 2 classes`));
        return true;
      });
    }
  }
});
