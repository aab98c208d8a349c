import type { Backend, Context } from "../../backends/backend.ts";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { type Tensor, tf } from "../../deps/tfjs.ts";
import { Generator } from "../../core/generator.ts";
import { type BeitConfig, vitBase } from "../../models/beit_config.ts";
import { initialiseBeit } from "../../models/initialise.ts";
import { MaskedImageModel } from "../../models/masked_image_model.ts";

/** A model small enough for plain JavaScript: 16 patches, 3 blocks. */
export const tinyConfig: BeitConfig = {
  ...vitBase,
  imageSize: 16,
  patchSize: 4,
  embedDim: 16,
  depth: 3,
  heads: 2,
  earlyLayers: 2,
  headLayers: 1,
  codes: 32,
  initVariant: "xavier",
};

/** Calls `test` inside a reference backend, and fails where it leaves tensors behind. */
export async function onReference(
  test: (on: Context) => void | Promise<void>,
): Promise<void> {
  const backend: Backend = await createReferenceBackend();
  const before = backend.memory().tensors;
  try {
    await test({ backend, precision: "float32" });
    const left = backend.memory().tensors - before;
    if (left !== 0) throw new Error(`${left} tensors are left over`);
  } finally {
    await backend.dispose();
  }
}

export function createTiny(on: Context, change: Partial<BeitConfig> = {}): MaskedImageModel {
  const config = { ...tinyConfig, ...change };
  return MaskedImageModel.create(on, config, initialiseBeit(config, Generator.from(1)));
}

/** Normal noise as images [batch, 3, size, size]. */
export function noiseImages(batch: number, size: number, seed = 1): Tensor {
  const generator = Generator.from(seed);
  const values = Float32Array.from({ length: batch * 3 * size * size }, () => generator.normal());
  return tf.tensor4d(values, [batch, 3, size, size]);
}

/** Runs `work` on the backend in a tidy scope and gives the values of the tensor it returns. */
export async function valuesOf(on: Context, work: () => Tensor): Promise<Float32Array> {
  const tensor = on.backend.run(() => tf.tidy(work));
  const values = Float32Array.from(await tensor.data());
  tensor.dispose();
  return values;
}
