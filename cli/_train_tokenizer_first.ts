/** `pretrain --train-tokenizer`: trains the tokenizer that the recipe names, unless it is there. */
import { latestCheckpoint, loadCheckpoint } from "../checkpoints/store.ts";
import type { Override } from "../configs/overrides.ts";
import { resolveConfig } from "../configs/resolve.ts";
import type { PretrainConfig, TokenizerConfig } from "../configs/schema.ts";
import { UserError } from "../core/errors.ts";
import { type CommandContext, exitCodes } from "./_command.ts";
import { configOf } from "./_config_flags.ts";
import { progressOf, type RunFlagValues } from "./_run_task.ts";

/** The tokenizer's recipe on the images, the seed and the backend of the pretraining. */
async function tokenizerConfig(config: PretrainConfig) {
  const overrides: Override[] = [];
  const take = (key: string, value: unknown) =>
    overrides.push({ key, value, origin: "--train-tokenizer" });
  for (const [key, value] of Object.entries(config.data)) take(`data.${key}`, value);
  for (const [key, value] of Object.entries(config.backend)) take(`backend.${key}`, value);
  take("seed", config.seed);
  take("precision", config.precision);
  return await resolveConfig({ task: "tokenizer", recipe: config.tokenizer.recipe, overrides });
}

/** Whether a directory holds the finished run of this config. */
async function isTrained(directory: string, config: TokenizerConfig): Promise<boolean> {
  const { configHash } = await import("../tasks/config_hash.ts");
  const { checkpoint } = latestCheckpoint(directory);
  if (checkpoint === undefined) return false;
  const state = loadCheckpoint(checkpoint.directory).state as {
    finished?: boolean;
    configHash?: string;
  };
  return state.finished === true && state.configHash === await configHash(config);
}

/**
 * Trains the tokenizer beside the run that needs it, in `OUT-tokenizer`; goes on with an interrupted
 * one and leaves a finished one as it is.
 *
 * @returns its directory, or the exit code where it was interrupted
 */
export async function trainTokenizerFirst(
  flags: RunFlagValues,
  context: CommandContext,
): Promise<string | number> {
  if (flags.resume !== undefined || flags.dryRun || flags.tokenizer !== undefined) {
    const other = flags.dryRun ? "--dry-run" : flags.resume ? "--resume" : "--tokenizer";
    throw new UserError(`Cannot use --train-tokenizer with ${other}`, {
      hint: flags.dryRun
        ? "`deno task tokenizer --dry-run` plans the tokenizer"
        : "leave one of them away",
    });
  }
  const pretraining = await configOf("pretrain", flags);
  const { config, origins } = await tokenizerConfig(pretraining.config);
  const run = flags.out ?? pretraining.config.output ?? `runs/${pretraining.name}`;
  const directory = `${run.replace(/\/+$/, "")}-tokenizer`;
  const progress = progressOf(config.log.progressSeconds, flags.quiet);
  try {
    if (await isTrained(directory, config)) {
      progress.line(`The tokenizer in ${directory} is trained already`);
      return directory;
    }
    progress.line(`Training the tokenizer ${pretraining.config.tokenizer.recipe} first`);
    const { trainTokenizer } = await import("../tasks/tokenizer.ts");
    const { interrupted, step } = await trainTokenizer(config, {
      directory,
      resume: "auto",
      listener: progress.listener,
      signal: context.signal,
      origins,
    });
    if (!interrupted) return directory;
    progress.close();
    context.note(
      `Interrupted and saved after step ${step} of the tokenizer. ` +
        "Go on with the same command.",
    );
    return exitCodes.interrupted;
  } finally {
    progress.close();
  }
}
