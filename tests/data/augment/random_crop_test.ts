import assert from "node:assert/strict";
import { Generator } from "../../../core/generator.ts";
import { randomCropBox } from "../../../data/augment/random_crop.ts";
import { readJson } from "../_fixtures.ts";
import { PythonRandom } from "../_python_random.ts";

const json = readJson("image_transforms");

Deno.test("randomCropBox() equals the reference's boxes for Python seeds", () => {
  for (const { python_random_seed, img_h, img_w, scale, ratio, ijhw } of json.rrc_exact) {
    const options = { width: img_w, height: img_h, scale, ratio };
    const box = randomCropBox(new PythonRandom(python_random_seed), options);
    assert.deepEqual([box.top, box.left, box.height, box.width], ijhw);
  }
});

Deno.test("randomCropBox() has the statistics of the reference's boxes", () => {
  const stats = json.rrc_stats_10k;
  const [height, width] = stats.img;
  const total = 10000;
  const generator = Generator.from(4);
  let area = 0, aspect = 0, top = 0, left = 0;
  for (let i = 0; i < total; i++) {
    const box = randomCropBox(generator, { width, height, scale: stats.scale });
    area += box.width * box.height / (width * height) / total;
    aspect += box.width / box.height / total;
    top += box.top / total;
    left += box.left / total;
  }
  const near = (value: number, wanted: number, deviation: number) =>
    assert.ok(Math.abs(value - wanted) < 4.5 * deviation * Math.sqrt(2 / total), `${value}`);
  near(area, stats.area_frac.mean, stats.area_frac.std);
  near(aspect, stats.aspect_w_over_h.mean, stats.aspect_w_over_h.std);
  near(top, stats.top_mean, 45);
  near(left, stats.left_mean, 90);
});

Deno.test("randomCropBox() falls back to the central box of an allowed ratio", () => {
  const wide = randomCropBox(Generator.from(1), { width: 400, height: 10, scale: [1, 1] });
  assert.deepEqual(wide, { top: 0, left: 193, width: 13, height: 10 });
  const tall = randomCropBox(Generator.from(1), { width: 10, height: 400, scale: [1, 1] });
  assert.deepEqual(tall, { top: 193, left: 0, width: 10, height: 13 });
});
