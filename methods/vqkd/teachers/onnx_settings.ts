/** What a config says of an ONNX teacher. @module */

import { most } from "../../../configs/sections/most.ts";
import { z } from "../../../deps/zod.ts";

const channel = z.tuple([z.number(), z.number(), z.number()]).nullable().default(null);

/** The section `teacher.onnx`. */
export const onnxSettings = z.strictObject({
  outputs: z.array(z.string()).min(1).max(most.items).nullable().default(null).describe(
    "Outputs whose features are joined, each scaled to length 1; null: `last_hidden_state`, " +
      "or else all feature maps, or the last output of tokens.",
  ),
  inputSize: z.int().min(4).max(most.pixels).nullable().default(null).describe(
    "Height and width to which the images are resized for the model; null: what its file or its " +
      "preprocessor_config.json says, or else what gives it as many places as there are patches.",
  ),
  prefixTokens: z.int().min(0).max(most.patches).nullable().default(null).describe(
    "Class and register tokens before those of the patches; null: found from their number.",
  ),
  mean: channel.describe(
    "Mean of each colour channel, for values in [0, 1]; null: what preprocessor_config.json or the " +
      "file's metadata says, or else ImageNet's.",
  ),
  deviation: channel.describe("Standard deviation of each colour channel; null: like `mean`."),
  whiten: z.int().min(1).max(most.width).nullable().default(null).describe(
    "Dimensions to which the features are whitened; null: they stay as they are.",
  ),
  fitImages: z.int().min(1).max(most.images).default(500).describe(
    "Images that the whitening is fitted to.",
  ),
  runtime: z.enum(["auto", "native", "wasm", "webgpu"]).default("auto").describe(
    "The build of onnxruntime; auto: webgpu if the run computes there, then native code if it is " +
      "permitted, then wasm.",
  ),
}).describe("Settings of the `onnx` teacher.").prefault({});

/** What a config says of an ONNX teacher. */
export type OnnxSettings = z.output<typeof onnxSettings>;
