/**
 * A block-wise mask for each image.
 *
 * @module
 */

import { Generator } from "../core/generator.ts";
import { type BlockMaskOptions, sampleMask } from "../data/augment/mask.ts";
import type { AugmentedBatch, MaskedBatch } from "./batch.ts";
import type { HostStage } from "./stage.ts";

/**
 * The stage `mask`.
 *
 * @param seed the run's: a sample's draws are derived from it, the epoch and the sample's index
 */
export function mask(
  options: BlockMaskOptions,
  seed: number,
): HostStage<AugmentedBatch, MaskedBatch> & { readonly name: "mask" } {
  const root = Generator.from(seed);
  const patches = options.height * options.width;
  return {
    name: "mask",
    run(batch) {
      const masks = new Uint8Array(batch.size * patches);
      for (const [slot, index] of batch.indices.entries()) {
        masks.set(sampleMask(root, batch.epoch, index, options), slot * patches);
      }
      return { ...batch, mask: masks };
    },
  };
}
