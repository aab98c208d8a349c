import assert from "node:assert/strict";
import { crop } from "../../../data/images/image.ts";
import { type Interpolation, resize } from "../../../data/images/resize.ts";
import { largestDifference, readJson, TensorFile } from "../_fixtures.ts";

const tensors = new TensorFile("image_transforms");
const json = readJson("image_transforms");

const exact: Record<string, Interpolation> = {
  pil_bicubic: "bicubic",
  pil_lanczos: "lanczos",
  pil_bilinear: "bilinear",
  pil_box: "box",
  pil_hamming: "hamming",
};

Deno.test("resize() equals Pillow bit for bit on every filter and size", () => {
  let compared = 0;
  for (const name of tensors.names) {
    const match = name.match(/^(\w+)\.resize\.(pil_\w+)\.(\d+)x(\d+)$/);
    if (match === null) continue;
    const [, picture, kind, width, height] = match;
    const result = resize(tensors.image(`${picture}.src`), {
      width: Number(width),
      height: Number(height),
      interpolation: exact[kind],
    });
    assert.equal(largestDifference(result.data, tensors.bytes(name)), 0, name);
    compared++;
  }
  assert.equal(compared, 22);
});

Deno.test("resize() by area is within one level of OpenCV's INTER_AREA", () => {
  let compared = 0;
  for (const name of tensors.names) {
    const match = name.match(/^(\w+)\.resize\.cv2_area\.(\d+)x(\d+)$/);
    if (match === null) continue;
    const [, picture, width, height] = match;
    const result = resize(tensors.image(`${picture}.src`), {
      width: Number(width),
      height: Number(height),
      interpolation: "area",
    });
    assert.ok(largestDifference(result.data, tensors.bytes(name)) <= 1, name);
    compared++;
  }
  assert.equal(compared, 6);
});

Deno.test("resize() of a crop equals the reference's crop and resize", () => {
  for (const [key, box] of Object.entries<Record<string, number>>(json.crop_boxes)) {
    const [picture, index] = key.split(".");
    const { top, left, height, width, out } = box;
    const part = crop(tensors.image(`${picture}.src`), { top, left, height, width });
    for (const interpolation of ["bicubic", "lanczos", "area"] as const) {
      const name = interpolation === "area" ? "mmselfsup_bicubic" : `pil_${interpolation}`;
      const wanted = tensors.bytes(`${picture}.crop${index}.${name}`);
      const result = resize(part, { width: out, height: out, interpolation });
      const tolerance = interpolation === "area" ? 1 : 0;
      assert.ok(largestDifference(result.data, wanted) <= tolerance, `${key} ${name}`);
    }
  }
});

Deno.test("resize() leaves an axis of the same size untouched", () => {
  const source = tensors.image("cat.src");
  assert.equal(resize(source, { width: source.width, height: source.height }), source);
});
