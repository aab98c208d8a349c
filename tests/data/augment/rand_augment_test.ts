import assert from "node:assert/strict";
import { Generator } from "../../../core/generator.ts";
import { type AugmentKind, augmentOnce, randAugment } from "../../../data/augment/rand_augment.ts";
import { largestDifference, readJson, TensorFile } from "../_fixtures.ts";

const tensors = new TensorFile("eval_misc");
const json = readJson("eval_misc");
const source = tensors.image("aug.src");

/** Amounts in our units for timm's argument of each operation. */
const timm: Record<string, [AugmentKind, (argument: number) => number]> = {
  shear_x: ["shearX", (a) => a],
  shear_y: ["shearY", (a) => a],
  translate_x_rel: ["translateX", (a) => a],
  translate_y_abs: ["translateY", (a) => a / source.height],
  rotate: ["rotate", (a) => a],
  auto_contrast: ["autoContrast", () => 0],
  equalize: ["equalize", () => 0],
  invert: ["invert", () => 0],
  solarize: ["solarize", (a) => a],
  solarize_add: ["solarizeAdd", (a) => a],
  posterize: ["posterize", (a) => a],
  color: ["color", (a) => a - 1],
  contrast: ["contrast", (a) => a - 1],
  brightness: ["brightness", (a) => a - 1],
  sharpness: ["sharpness", (a) => a - 1],
};

Deno.test("augmentOnce() equals timm's operations on Pillow", () => {
  for (const { key, args, fillcolor } of json.aug_timm) {
    const [kind, amountOf] = timm[key.replace("aug.timm.", "")];
    const fill = fillcolor ?? [0, 0, 0];
    const result = augmentOnce(source, kind, amountOf(args[0]), { library: "pillow", fill });
    assert.equal(largestDifference(result.data, tensors.bytes(key)), 0, key);
  }
  assert.equal(json.aug_timm.length, Object.keys(timm).length);
});

const mmcls: Record<string, AugmentKind> = {
  AutoContrast: "autoContrast",
  Equalize: "equalize",
  Invert: "invert",
  Rotate: "rotate",
  Posterize: "posterize",
  Solarize: "solarize",
  SolarizeAdd: "solarizeAdd",
  ColorTransform: "color",
  Contrast: "contrast",
  Brightness: "brightness",
  Sharpness: "sharpness",
  "Shear horizontal": "shearX",
  "Shear vertical": "shearY",
  "Translate horizontal": "translateX",
  "Translate vertical": "translateY",
};

Deno.test("augmentOnce() follows mmcls' operations on OpenCV within two levels", () => {
  for (const { key, op, args } of json.aug) {
    const kind = mmcls[args.direction ? `${op} ${args.direction}` : op];
    const amount = args.angle ?? args.bits ?? args.thr ?? args.magnitude ?? 0;
    const fill = [124, 116, 104] as const;
    const result = augmentOnce(source, kind, amount, { library: "opencv", fill });
    const difference = largestDifference(result.data, tensors.bytes(key));
    assert.ok(difference <= 2, `${key} ${op}: ${difference}`);
  }
});

Deno.test("randAugment() is a function of its draws and leaves about a quarter untouched", () => {
  let untouched = 0;
  for (let i = 0; i < 400; i++) {
    const one = randAugment(source, Generator.from(i));
    if (one === source) untouched++;
    if (i < 20) assert.deepEqual(randAugment(source, Generator.from(i)), one);
  }
  assert.ok(Math.abs(untouched / 400 - 0.25) < 0.1, `${untouched}`);
});
