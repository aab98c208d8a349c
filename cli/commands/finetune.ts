/** `finetune`: fine-tuning for classification. */
import type { FinetuneResult } from "../../methods/classify/method.ts";
import { defineCommand } from "../parsing/command.ts";
import { modelFlag, recipeFlags, shortcutFlags } from "../parsing/config_flags.ts";
import { classifierTable, describeLength } from "../screen/final_table.ts";
import { methodRunner } from "../running/method_runner.ts";
import { runFlags } from "../running/run_flags.ts";
import { runTask } from "../running/run_task.ts";

/** Fine-tunes a classifier. */
export const finetune = defineCommand({
  name: "finetune",
  summary: "Fine-tune a pretrained model for classification",
  description: "Adds a classifier to a pretrained model and trains all of it on images in class " +
    "folders; without --checkpoint, from scratch. Sizes come from the checkpoint; positions are " +
    "resized to model.imageSize.\n\n" +
    "The run keeps its last checkpoints, and the best model on the evaluation split in " +
    "best.safetensors. The same command, or --resume DIR, continues an interrupted run.",
  flags: {
    ...recipeFlags("finetune"),
    ...shortcutFlags([
      "checkpoint",
      "data",
      "backend",
      "batch",
      "microBatch",
      "recompute",
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
    ["finetune --checkpoint runs/quickstart", "the quick start"],
    ["finetune --checkpoint runs/photos --data ~/photos", "on your own class folders"],
    [
      "finetune --config vit-base-p16_ft-8xb128-coslr-100e_in1k --checkpoint beit.pth " +
      "--data data/imagenet",
      "the recipe of the paper",
    ],
    ["finetune --checkpoint runs/quickstart --set data.labelFraction=0.1", "a tenth of the labels"],
  ],
  run: ({ flags }, context) =>
    runTask(
      {
        ...methodRunner<"finetune", FinetuneResult>("finetune"),
        describe: ({ step, top1, top5, averaged, best, classes, directory }, length) => [
          ...classifierTable({
            classifier: top1 === null || top5 === null ? null : { top1, top5 },
            averaged,
            ...(best === null ? {} : { [`best, step ${best.step}`]: best }),
          }, classes),
          describeLength("Fine-tuned", step, length),
          `Everything is in ${directory}`,
        ],
      },
      flags,
      context,
    ),
});
