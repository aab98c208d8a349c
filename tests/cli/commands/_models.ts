import { expectedTensors } from "../../../checkpoints/formats/expected_tensors.ts";
import type { ModelKind } from "../../../checkpoints/formats/model_shape.ts";
import { writeSafetensors } from "../../../checkpoints/safetensors/safetensors_writer.ts";

/** The shape of a small model of each kind. */
export const shape = {
  imageSize: 16,
  patchSize: 8,
  embedDim: 8,
  depth: 2,
  heads: 2,
  mlpRatio: 4,
  layerScaleInitValue: 0.1,
  usesAbsolutePositions: false,
  usesSharedRelativePositionBias: true,
  usesRelativePositionBias: false,
  classes: 3,
  codes: 5,
  headLayers: 1,
};

/** Writes a model of ours, without the tensors in `without`. */
export async function writeModel(
  path: string,
  kind: ModelKind,
  without: string[] = [],
): Promise<void> {
  const tensors = [...expectedTensors(kind, shape)].filter(([name]) => !without.includes(name));
  await writeSafetensors(
    path,
    tensors.map(([name, shape], i) => {
      const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => i);
      return [name, { dtype: "F32", shape, data }] as const;
    }),
    { note: "two\nlines" },
  );
}

/** Works in a folder that is removed afterwards. */
export async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "mimic-test-" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
