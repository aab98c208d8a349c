import assert from "node:assert/strict";
import { UserError } from "../../../core/errors.ts";
import { Generator } from "../../../core/generator.ts";
import { fitHog, hogDefaults, HogTeacher } from "../../../models/teachers/hog.ts";
import { onReference, valuesOf } from "../_tiny.ts";

const size = 16;
const options = {
  ...hogDefaults,
  imageSize: size,
  patchSize: 4,
  localComponents: 6,
  globalComponents: 3,
};

/** Images of stripes: even ones lie, odd ones stand, with some noise. */
function stripes(count: number, seed: number): Uint8Array {
  const generator = Generator.from(seed);
  const pixels = new Uint8Array(count * size * size * 3);
  for (let index = 0; index < pixels.length; index++) {
    const image = Math.floor(index / (size * size * 3));
    const x = Math.floor(index / 3) % size;
    const y = Math.floor(index / (3 * size)) % size;
    const wave = Math.sin((image % 2 === 0 ? y : x) * 1.2 + image);
    pixels[index] = 128 + 90 * wave + generator.uniform(-15, 15);
  }
  return pixels;
}

Deno.test("hog: the same images give the same fit, and like images like targets", async () => {
  const state = fitHog(stripes(20, 1), options);
  assert.deepEqual(fitHog(stripes(20, 1), options), state);
  await onReference(async (on) => {
    const teacher = new HogTeacher(on, state, options);
    assert.equal(teacher.targetDim, 9);
    const targets = await valuesOf(on, () => teacher.targets(on, { pixels: stripes(4, 2) }));
    assert.equal(targets.length, 4 * 16 * 9);
    const row = (image: number, patch: number) => {
      return targets.subarray((image * 16 + patch) * 9, (image * 16 + patch + 1) * 9);
    };
    const cosine = (a: Float32Array, b: Float32Array) => {
      const dot = a.reduce((sum, value, index) => sum + value * b[index], 0);
      return dot / (Math.hypot(...a) * Math.hypot(...b));
    };
    assert.ok(cosine(row(0, 5), row(2, 5)) > 0.5, "lying stripes are alike");
    assert.ok(cosine(row(0, 5), row(1, 5)) < 0, "lying and standing stripes are not");
    teacher.dispose();
  });
});

Deno.test("hog: neighbourhood and image have the lengths that were asked for", async () => {
  const pixels = stripes(20, 3);
  const state = fitHog(pixels, options);
  await onReference(async (on) => {
    const teacher = new HogTeacher(on, state, options);
    const targets = await valuesOf(on, () => teacher.targets(on, { pixels }));
    const length = (start: number, end: number) => {
      let sum = 0;
      for (let row = 0; row < targets.length; row += 9) {
        for (let i = start; i < end; i++) sum += targets[row + i] ** 2;
      }
      return Math.sqrt(sum / (targets.length / 9));
    };
    assert.ok(Math.abs(length(0, 6) - 1) < 0.01, `${length(0, 6)}`);
    assert.ok(Math.abs(length(6, 9) - 0.7) < 0.01, `${length(6, 9)}`);
    teacher.dispose();
  });
});

Deno.test("hog: mistakes are named", async () => {
  assert.throws(() => fitHog(stripes(1, 1), { ...options, patchSize: 5 }), UserError);
  assert.throws(() => fitHog(new Uint8Array(), options), /there are no images/);
  await onReference((on) => {
    assert.throws(() => new HogTeacher(on, new Map(), options), /teacher\.hog\.local\.weight/);
  });
});

Deno.test("the hog teacher refuses more components than its features have", () => {
  const options = { ...hogDefaults, imageSize: 8, patchSize: 4, localComponents: 800 };
  assert.throws(
    () => fitHog(new Uint8Array(6 * 8 * 8 * 3), options),
    /expected at most 678 local components, found 800; give --set teacher.hog.localComponents=678 or less$/,
  );
});
