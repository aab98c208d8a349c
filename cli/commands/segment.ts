/** `segment`: fine-tuning for semantic segmentation. */
import type { Override } from "../../configs/overrides.ts";
import { UserError } from "../../core/errors.ts";
import { fromFirst } from "../../distributed/communicator.ts";
import { chooseFor } from "../running/chosen_settings.ts";
import { configOf, epochsFlag } from "../parsing/config_flags.ts";
import type { RunFlagValues } from "../running/run_flags.ts";
import { runTask } from "../running/run_task.ts";
import { methodCommand } from "./method_command.ts";

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

/** Trains a segmentation model; its schedule counts in steps, and `--epochs` is turned into them. */
export const segment = methodCommand("segment", {
  flags: { epochs: epochsFlag },
  async run({ epochs, ...flags }, context, runner) {
    const communicator = await context.job.join(flags);
    const chosen = await fromFirst(communicator, async () => {
      const { overrides } = await chooseFor("segment", flags, () => {});
      const steps = epochs === undefined ? [] : await stepsOfEpochs(flags, String(epochs));
      return [...overrides, ...steps];
    });
    return await runTask(runner, flags, context, chosen);
  },
});
