/** `pretrain`: the main command. */
import { fromFirst } from "../../distributed/communicator.ts";
import { describeChoice } from "../running/chosen_settings.ts";
import {
  choosePretraining,
  type PretrainChoice,
  withoutTokenizer,
  withRecipe,
} from "../running/chosen_tokenizer.ts";
import { type CommandContext, toggle } from "../parsing/command.ts";
import { configOf } from "../parsing/config_flags.ts";
import { openProgress } from "../screen/progress.ts";
import { methodCommand } from "./method_command.ts";
import type { RunFlagValues } from "../running/run_flags.ts";
import { runTask } from "../running/run_task.ts";
import {
  finishedRunOf,
  tokenizerRecipe,
  trainTokenizerFirst,
} from "../running/train_tokenizer_first.ts";

/** What is left open is chosen, and reported in one line with the total time. */
async function choose(
  flags: RunFlagValues & { readonly trainTokenizer: boolean },
  { signal }: CommandContext,
  ranks: number,
): Promise<PretrainChoice> {
  const progress = openProgress(10, flags.quiet);
  try {
    const choice = await choosePretraining(flags, progress.listener);
    const { settings, overrides, trainsTokenizer, tokenizer } = choice;
    if (tokenizer !== undefined && !flags.quiet) {
      progress.line(`The tokenizer for this checkpoint is ${tokenizer}; --tokenizer for another`);
    }
    if (settings === null || flags.quiet) return choice;
    const isMeasured = ranks === 1 && !flags.dryRun && !signal.aborted;
    let seconds: number | null = null;
    if (isMeasured) {
      progress.listener({ type: "progress", what: "Measuring the machine", done: 0, total: null });
      const { config } = await configOf("pretrain", flags, undefined, overrides);
      const tokenizer = trainsTokenizer ? (await tokenizerRecipe(config)).config : null;
      const { estimatePretraining } = await import("../screen/estimate_time.ts");
      seconds = await estimatePretraining(config, tokenizer, signal);
    }
    progress.line(describeChoice(settings, seconds));
    return choice;
  } finally {
    progress.close();
  }
}

/** Pretrains BEiT v2, with the tokenizer that it needs. */
export const pretrain = methodCommand("pretrain", {
  flags: {
    trainTokenizer: toggle(
      "Train the recipe's tokenizer on the same images first, in the folder tokenizer in the run's directory. " +
        "A part whose result exists is skipped: to continue, repeat the command.",
    ),
  },
  async run(values, context, runner) {
    const asked = values as RunFlagValues & { readonly trainTokenizer: boolean };
    const communicator = await context.job.join(asked);
    const choice = await fromFirst(communicator, () => choose(asked, context, communicator.size));
    const given = withRecipe(asked);
    let flags: RunFlagValues = given;
    let chosen = choice.overrides;
    if (choice.trainsTokenizer && given.dryRun && !given.trainTokenizer) {
      chosen = await withoutTokenizer(choice, context.note, given);
    } else if (choice.trainsTokenizer) {
      const trained = await trainTokenizerFirst(given, context, chosen);
      if (typeof trained === "number") return trained;
      flags = { ...given, ...trained };
    }
    return await runTask(
      {
        ...runner,
        async run(config, options) {
          const { directory } = options;
          const isTrained = choice.trainsTokenizer && directory !== null &&
            await fromFirst(options.communicator, () => finishedRunOf(directory, config)) !== null;
          // The same command can be run again: each part is skipped if its result exists.
          return await runner.run(config, isTrained ? { ...options, resume: "always" } : options);
        },
      },
      flags,
      context,
      chosen,
    );
  },
});
