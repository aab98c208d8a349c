/** `segment`: fine-tuning for semantic segmentation. */
import type { Override } from "../../configs/overrides.ts";
import { UserError } from "../../core/errors.ts";
import { fromFirst } from "../../distributed/communicator.ts";
import { chooseFor } from "../running/chosen_settings.ts";
import type { SegmentResult } from "../../methods/segment/method.ts";
import { defineCommand } from "../parsing/command.ts";
import { configOf, modelFlag, recipeFlags, shortcutFlags } from "../parsing/config_flags.ts";
import { describeLength, segmentationTables } from "../screen/final_table.ts";
import { methodRunner } from "../running/method_runner.ts";
import { runFlags, type RunFlagValues } from "../running/run_flags.ts";
import { runTask } from "../running/run_task.ts";

/**
 * The schedule, which counts in steps, for a number of passes over the images; warm-up takes a tenth of it if
 * the recipe's would fill it.
 */
async function stepsOfEpochs(flags: RunFlagValues, epochs: string): Promise<Override[]> {
  if (flags.resume !== undefined) {
    throw new UserError("Cannot use --epochs with --resume: a run keeps its schedule", {
      hint: "omit --epochs",
    });
  }
  const { config } = await configOf("segment", flags);
  const { openAnnotatedTraining } = await import("../../methods/segment/data.ts");
  const source = openAnnotatedTraining(config.data);
  source.close?.();
  const steps = Math.round(Number(epochs) * source.length / config.batchSize);
  if (!(steps >= 1)) {
    throw new UserError(
      `Cannot train for --epochs ${epochs}: expected at least one step of ${config.batchSize} ` +
        `images, and there are ${source.length}`,
      {
        hint: `give at least --epochs ${
          Math.ceil(10 * config.batchSize / Math.max(1, source.length)) / 10
        }`,
      },
    );
  }
  const warmupSteps = Math.min(config.schedule.warmupSteps, Math.floor(steps / 10));
  const origin = `--epochs ${epochs} of ${source.length} images`;
  return [
    { key: "schedule.steps", value: steps, origin },
    { key: "schedule.warmupSteps", value: warmupSteps, origin },
  ];
}

/** Trains a segmentation model. */
export const segment = defineCommand({
  name: "segment",
  summary: "Fine-tune a pretrained model for semantic segmentation",
  description:
    "Adds UPerNet or a linear head to a pretrained model and trains all of it on images " +
    "with label maps; without --checkpoint, from scratch.\n\n" +
    "The folder must have ADE20K's layout: images/training, images/validation, and, with the same file names, " +
    "annotations/training and annotations/validation with 8-bit greyscale PNG files whose levels are the " +
    "classes; with segmentation.reduceZeroLabel, 0 is not a class. Without --data, it trains on " +
    "generated images of shapes.\n\n" +
    "Whole images are tested with a sliding window: mIoU, aAcc, mAcc. The run keeps its last " +
    "checkpoints, and the best model in best.safetensors. The same command, or --resume DIR, " +
    "continues an interrupted run.",
  flags: {
    ...recipeFlags("segment"),
    ...shortcutFlags([
      "checkpoint",
      "data",
      "backend",
      "batch",
      "microBatch",
      "epochs",
      "lr",
      "imageSize",
      "patchSize",
      "maxSteps",
      "precision",
      "seed",
      "workers",
      "threads",
    ]),
    model: modelFlag,
    ...runFlags,
  },
  examples: [
    ["segment --checkpoint runs/quickstart", "the quick start, on generated images"],
    [
      "segment --config upernet_vit-base-p16_8xb2-160k_ade20k-512x512 --checkpoint beit.pth " +
      "--data data/ade20k",
      "the recipe of the paper",
    ],
    [
      "segment --checkpoint runs/photos --data data/streets --set segmentation.head=linear " +
      "--set segmentation.classes=auto",
      "a linear head on your own label maps",
    ],
  ],
  async run({ flags: { epochs, ...flags } }, context) {
    const communicator = await context.job.join(flags);
    const chosen = await fromFirst(communicator, async () => {
      const { overrides } = await chooseFor("segment", flags, () => {});
      const steps = epochs === undefined ? [] : await stepsOfEpochs(flags, epochs);
      return [...overrides, ...steps];
    });
    return await runTask(
      {
        ...methodRunner<"segment", SegmentResult>("segment"),
        describe: (outcome, length) => [
          ...segmentationTables(outcome),
          describeLength("Trained", outcome.step, length),
          `Everything is in ${outcome.directory}`,
        ],
      },
      flags,
      context,
      chosen,
    );
  },
});
