/**
 * The config of linear probing, and what the command line says of it.
 *
 * @module
 */

import { z } from "../../deps/zod.ts";
import { cropAugmentSection, dataSection } from "../../configs/sections/data.ts";
import { pretrainedKey, probeSection } from "../../configs/sections/downstream.ts";
import { batchSizeOf, runKeys } from "../../configs/sections/run.ts";
import type { TaskDefinition } from "../../configs/task.ts";

/** Linear classifiers on the frozen features of every block. */
export const linearProbeSchema = z.strictObject({
  task: z.literal("linearProbe").describe("Linear classifiers on frozen features."),
  ...runKeys,
  pretrained: pretrainedKey,
  data: dataSection.prefault({}),
  augment: cropAugmentSection.prefault({}),
  probe: probeSection.prefault({}),
  batchSize: batchSizeOf(1024),
});

/** A resolved config of linear probing. */
export type LinearProbeConfig = z.infer<typeof linearProbeSchema>;

/** What the command line and the documentation know of it. */
export const linearProbeTask: TaskDefinition<LinearProbeConfig> = {
  name: "linearProbe",
  title: "linear probe",
  schema: linearProbeSchema,
  defaultRecipe: "linear-probe_quickstart",
  // The encoder is frozen: nothing is kept for a backward pass, and no gradient is scaled.
  inertKeys: ["recompute", "lossScale.initial", "lossScale.growthInterval"],
  words: {
    done: "Probed",
    summary: "Train linear classifiers on a model's frozen features",
    description:
      "Trains one linear classifier for each block and token type, all at the same time, on the " +
      "frozen features of a pretrained model, and reports all of them and the best, as BEiT's " +
      "script does. The best is chosen on the test images.\n\n" +
      "With --set probe.optimizer=lars --set probe.batchNorm=true, MAE's recipe.",
    examples: [
      ["linear-probe --checkpoint runs/quickstart", "the quick start"],
      ["linear-probe --checkpoint runs/photos --data ~/photos --json", "on your own class folders"],
      [
        "linear-probe --config vit-base-p16_linear-8xb128-coslr-100e_in1k --checkpoint beit.pth " +
        "--data data/imagenet",
        "BEiT's recipe",
      ],
    ],
  },
};
