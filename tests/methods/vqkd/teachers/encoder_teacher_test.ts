import assert from "node:assert/strict";
import type { EncoderTeacherName } from "../../../../methods/vqkd/teachers/encoders.ts";
import { join } from "node:path";
import type { Context } from "../../../../backends/backend.ts";
import { openModel } from "../../../../checkpoints/open_model.ts";
import { writePth } from "../../../../checkpoints/pth/pth_writer.ts";
import { openSafetensors } from "../../../../checkpoints/safetensors/safetensors.ts";
import { toFloat32 } from "../../../../checkpoints/tensors/tensor_data.ts";
import { UserError } from "../../../../core/errors.ts";
import { tf } from "../../../../deps/tfjs.ts";
import { createEncoderTeacher } from "../../../../methods/vqkd/teachers/encoder_teacher.ts";
import { onReference, valuesOf } from "../../../models/_tiny.ts";
import { writeTinyModel } from "../../../tasks/_tiny_model.ts";
import { withFolder } from "../../../tasks/_tiny.ts";

const MODELS = new URL("../../../fixtures/models/", import.meta.url);
const folderOf = (name: string) => decodeURIComponent(new URL(name, MODELS).pathname);

async function targetsOf(on: Context, name: EncoderTeacherName, path: string, images01: number[]) {
  const model = await openModel(path, { part: "teacher" });
  const teacher = await createEncoderTeacher(on, name, model, path);
  model.close();
  const images = Float32Array.from(images01);
  const values = await valuesOf(
    on,
    () => teacher.targets(on, { images01: tf.tensor4d(images, [2, 3, 8, 8]) }),
  );
  const { targetDim } = teacher;
  teacher.dispose();
  return { values, targetDim };
}

const TAUGHT: readonly (readonly [EncoderTeacherName, string, number])[] = [
  ["vit", "hf_vit", 16],
  ["dino", "hf_dino", 16],
  ["mae", "hf_mae", 16],
  ["mae", "timm_mae", 16],
  ["dino", "timm_vit", 16],
  ["dinov2", "hf_dinov2", 16],
  ["dinov2", "hf_dinov2_registers", 16],
  ["dinov2", "timm_dinov2", 16],
  ["dinov2", "timm_dinov2_registers", 16],
  ["clip", "hf_clip", 12],
  ["clip", "timm_clip", 16],
  ["siglip", "hf_siglip", 16],
  ["siglip", "timm_siglip", 16],
];

for (const [name, folder, width] of TAUGHT) {
  Deno.test(`--teacher ${name} takes ${folder} and gives its library's patches`, () =>
    onReference(async (on) => {
      const file = await openSafetensors(join(folderOf(folder), "expected.safetensors"));
      const [images, targets] = [
        toFloat32(await file.read("images")),
        toFloat32(await file.read("targets")),
      ];
      file.close();
      const { preprocessing, close } = await openModel(folderOf(folder));
      close();
      const { mean, standardDeviation } = preprocessing!;
      // The teacher normalises by what its folder says, which is undone here.
      const images01 = Array.from(images, (value, index) => {
        const channel = Math.floor(index / 64) % 3;
        return value * standardDeviation[channel] + mean[channel];
      });
      const { values, targetDim } = await targetsOf(on, name, folderOf(folder), images01);
      assert.equal(targetDim, width);
      assert.equal(values.length, targets.length);
      const worst = values.reduce((most, x, i) => Math.max(most, Math.abs(x - targets[i])), 0);
      assert(worst < 1e-4, `${worst}`);
    }));
}

Deno.test("a model of another family is refused by name, with the teacher that it can be", async () => {
  await onReference(async (on) => {
    for (
      const [name, folder, message] of [
        ["dino", "hf_dinov2", /expected a vit, found a dinov2; give --teacher dinov2$/],
        ["dino", "timm_dinov2", /expected a vit, found a dinov2; give --teacher dinov2$/],
        ["clip", "hf_siglip", /expected a clip, found a siglip; give --teacher siglip$/],
        ["beit", "hf_dino", /found a vit; give --teacher dino or mae or vit$/],
      ] as const
    ) {
      await assert.rejects(targetsOf(on, name, folderOf(folder), []), (error: Error) => {
        assert(error instanceof UserError);
        assert.match(error.message, message);
        return true;
      });
    }
  });
});

Deno.test("DINO's checkpoint teaches by its teacher, a tokenizer's by what taught it", () =>
  withFolder(async (folder) => {
    const file = await openSafetensors(join(folderOf("timm_mae"), "model.safetensors"));
    const names = file.names();
    const tensors = new Map(
      await Promise.all(names.map(async (name) => [name, await file.read(name)] as const)),
    );
    file.close();
    const zeros = new Map([...tensors].map(([name, tensor]) => {
      return [name, { ...tensor, data: new Uint16Array(tensor.data.length) }] as const;
    }));
    const under = (prefix: string, map: typeof tensors) =>
      new Map([...map].map(([name, tensor]) => [prefix + name, tensor] as const));
    await writePth(join(folder, "dino.pth"), {
      student: under("module.backbone.", zeros),
      teacher: under("backbone.", tensors),
    });
    await writePth(join(folder, "vqkd.pth"), {
      model: new Map([
        ...under("encoder.", zeros),
        ...under("teacher_model.", tensors),
      ]),
    });
    await onReference(async (on) => {
      const images = Array.from({ length: 384 }, (_, index) => Math.sin(index));
      // The bare files have no folder that names other statistics than DINO's.
      await writePth(join(folder, "bare.pth"), tensors);
      const wanted = await targetsOf(on, "dino", join(folder, "bare.pth"), images);
      assert(wanted.values.some((value) => value !== 0));
      for (const name of ["dino.pth", "vqkd.pth"]) {
        assert.deepEqual(await targetsOf(on, "dino", join(folder, name), images), wanted);
      }
    });
  }));

Deno.test("a pretrained model teaches: its normalised patch tokens", () =>
  withFolder(async (folder) => {
    const path = await writeTinyModel(folder);
    await onReference(async (on) => {
      const model = await openModel(path);
      const teacher = await createEncoderTeacher(on, "beit", model, path);
      model.close();
      const { imageSize, patchSize } = model.shape;
      on.backend.run(() =>
        tf.tidy(() => {
          const images01 = tf.randomUniform([2, 3, imageSize, imageSize], 0, 1, "float32", 1);
          const targets = teacher.targets(on, { images01: images01 as never });
          assert.deepEqual(targets.shape, [2, (imageSize / patchSize) ** 2, teacher.targetDim]);
          const { mean } = tf.moments(targets, -1);
          assert.ok(tf.max(tf.abs(mean)).dataSync()[0] < 1e-5);
        })
      );
      teacher.dispose();
    });
  }));
