/** `pretrain`: the main command. */
import { fromFirst } from "../../distributed/communicator.ts";
import type { PretrainResult } from "../../methods/beit/method.ts";
import { describeChoice } from "../running/chosen_settings.ts";
import {
  choosePretraining,
  type PretrainChoice,
  withoutTokenizer,
} from "../running/chosen_tokenizer.ts";
import { type CommandContext, defineCommand, toggle } from "../parsing/command.ts";
import { configOf, modelFlag, recipeFlags, shortcutFlags } from "../parsing/config_flags.ts";
import { methodRunner } from "../running/method_runner.ts";
import { describeAccuracies } from "../screen/plan.ts";
import { openProgress } from "../screen/progress.ts";
import { describeLength } from "../screen/final_table.ts";
import { runFlags, type RunFlagValues } from "../running/run_flags.ts";
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
    const { settings, overrides, trainsTokenizer } = choice;
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

/** Pretrains BEiT v2. */
export const pretrain = defineCommand({
  name: "pretrain",
  summary: "Pretrain BEiT v2 on images",
  description: "Trains a vision transformer to predict the visual tokens of masked patches. " +
    "Without arguments, it trains a small one on the bundled clothing images, in a few minutes on any computer; " +
    "with --data, it uses your own images, and with --config one of the papers' recipes.\n\n" +
    "Ctrl-C finishes the step, saves, and says how to continue: with the same command, or with " +
    "--resume DIR.",
  flags: {
    ...recipeFlags("pretrain"),
    ...shortcutFlags([
      "data",
      "tokenizer",
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
    trainTokenizer: toggle(
      "Train the recipe's tokenizer on the same images first, in the folder tokenizer in the run's directory. " +
        "A part whose result exists is skipped: to continue, repeat the command.",
    ),
    ...runFlags,
  },
  examples: [
    ["pretrain", "the quick start"],
    ["pretrain --data ~/photos --out runs/photos", "the same on your own images"],
    [
      "pretrain --config beitv2_vit-base-p16_8xb256-amp-coslr-300e_in1k --data data/imagenet",
      "the recipe of the paper",
    ],
    ["pretrain --set optimizer.lr=1e-3 --dry-run", "what a run would cost"],
    ["pretrain --data ~/photos --train-tokenizer", "the tokenizer too, on the same images"],
    ["pretrain --resume runs/quickstart", "resume a stopped run"],
  ],
  async run({ flags: given }, context) {
    let flags: RunFlagValues = given;
    const communicator = await context.job.join(given);
    const choice = await fromFirst(communicator, () => choose(given, context, communicator.size));
    let chosen = choice.overrides;
    if (choice.trainsTokenizer && given.dryRun && !given.trainTokenizer) {
      chosen = await withoutTokenizer(choice, context.note, given);
    } else if (choice.trainsTokenizer) {
      const trained = await trainTokenizerFirst(given, context, chosen);
      if (typeof trained === "number") return trained;
      flags = { ...given, ...trained };
    }
    const runner = methodRunner<"pretrain", PretrainResult>("pretrain");
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
        describe: ({ step, loss, evaluation, directory }, length) => [
          ...describeAccuracies(evaluation),
          describeLength("Pretrained", step, length) +
          (loss === null ? "" : `, loss ${loss.toPrecision(4)}`),
          `Everything is in ${directory}`,
        ],
      },
      flags,
      context,
      chosen,
    );
  },
});
