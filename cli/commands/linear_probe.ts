/** `linear-probe`: linear classifiers on frozen features. */
import { metricName } from "../../core/metric_names.ts";
import type { LinearProbeResult } from "../../methods/probe/method.ts";
import { defineCommand } from "../parsing/command.ts";
import { recipeFlags, shortcutFlags } from "../parsing/config_flags.ts";
import { methodRunner } from "../running/method_runner.ts";
import { classifierTable, describeLength } from "../screen/final_table.ts";
import { runFlags } from "../running/run_flags.ts";
import { runTask } from "../running/run_task.ts";

/** Probes a model. */
export const linearProbe = defineCommand({
  name: "linear-probe",
  summary: "Train linear classifiers on a model's frozen features",
  description:
    "Trains one linear classifier for each block and token type, all at the same time, on the " +
    "frozen features of a pretrained model, and reports all of them and the best, as BEiT's " +
    "script does. The best is chosen on the test images.\n\n" +
    "With --set probe.optimizer=lars --set probe.batchNorm=true, MAE's recipe.",
  flags: {
    ...recipeFlags("linearProbe"),
    ...shortcutFlags([
      "checkpoint",
      "data",
      "backend",
      "batch",
      "microBatch",
      "epochs",
      "lr",
      "imageSize",
      "precision",
      "seed",
      "workers",
      "threads",
    ]),
    ...runFlags,
  },
  examples: [
    ["linear-probe --checkpoint runs/quickstart", "the quick start"],
    ["linear-probe --checkpoint runs/photos --data ~/photos --json", "on your own class folders"],
    [
      "linear-probe --config vit-base-p16_linear-8xb128-coslr-100e_in1k --checkpoint beit.pth " +
      "--data data/imagenet",
      "BEiT's recipe",
    ],
  ],
  run: ({ flags }, context) =>
    runTask(
      {
        ...methodRunner<"linearProbe", LinearProbeResult>("linearProbe"),
        describe: ({ step, layers, best, top1, top5, classes, directory }, length) => [
          ...classifierTable({
            ...Object.fromEntries(
              layers.map(({ layer, token, ...accuracy }) => [`layer${layer}.${token}`, accuracy]),
            ),
            ...(best === null || top1 === null || top5 === null ? {} : {
              [`best: ${metricName(`layer${best.layer}.${best.token}`)}`]: { top1, top5 },
            }),
          }, classes),
          describeLength("Probed", step, length),
          `Everything is in ${directory}`,
        ],
      },
      flags,
      context,
    ),
});
