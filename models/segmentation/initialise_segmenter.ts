/**
 * Initial values of a segmentation model's heads, as drawn by mmcv and PyTorch.
 *
 * @module
 */

import type { Generator } from "../../core/generator.ts";
import { sizeOf } from "../../core/shapes.ts";
import { initialiseBeit } from "../initialise.ts";
import type { Initialise } from "../parameter_set.ts";
import type { SegmenterConfig } from "./segmenter_config.ts";

const encoderPart = /^(cls_token$|pos_embed$|patch_embed\.|rel_pos_bias\.|blocks\.)/;

/**
 * The encoder is initialised as for pretraining; convolutions are N(0, 2/(O·k²)) (mmcv's `kaiming_init`),
 * classifiers N(0, 0.01²), the pyramid's transposed convolutions uniform as PyTorch's default, batch norms 1
 * and 0.
 *
 * @param generator not advanced: each parameter splits off its own
 */
export function initialiseSegmenter(config: SegmenterConfig, generator: Generator): Initialise {
  const encoder = initialiseBeit(config.encoder, generator);
  const { embedDim } = config.encoder;
  return (spec) => {
    const { name, shape } = spec;
    if (encoderPart.test(name)) return encoder(spec);
    const own = generator.split("initialise", name);
    const values = new Float32Array(sizeOf(shape));
    if (/^fpn(1\.[03]|2\.0)\./.test(name)) {
      // PyTorch treats the second axis of a transposed weight as the inputs.
      const bound = 1 / Math.sqrt(embedDim * 4);
      return values.map(() => own.uniform(-bound, bound));
    }
    if (name.endsWith(".conv_seg.weight")) return values.map(() => own.normal(0, 0.01));
    if (name.endsWith(".conv.weight")) {
      const deviation = Math.sqrt(2 / (shape[0] * shape[2] * shape[3]));
      return values.map(() => own.normal(0, deviation));
    }
    const isOne = name.endsWith(".running_var") || name.endsWith(".weight");
    return isOne ? values.fill(1) : values;
  };
}
