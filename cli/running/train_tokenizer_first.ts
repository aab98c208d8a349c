/** `pretrain --train-tokenizer`: tokenizer, pretraining and evaluation as one command. */
import {
  type FinishedRun,
  finishedRun,
  readRunConfig,
} from "../../checkpoints/store/run_directory.ts";
import type { Override } from "../../configs/overrides.ts";
import { resolveConfig } from "../../methods/configs.ts";
import type { Config } from "../../methods/mod.ts";
import type { PretrainConfig } from "../../methods/beit/config.ts";
import { UserError } from "../../core/errors.ts";
import { fromFirst } from "../../distributed/communicator.ts";
import { type CommandContext, exitCodes } from "../parsing/command.ts";
import { configOf } from "../parsing/config_flags.ts";
import { openProgress } from "../screen/progress.ts";
import type { RunFlagValues } from "./run_flags.ts";

/** The tokenizer's place inside the run that needs it. */
const tokenizerFolder = "tokenizer";
/** What may be in a run's directory before the run itself has started. */
const beforeTheRun = new Set([tokenizerFolder, "run.lock"]);

/** The tokenizer's recipe, with the images, view, seed and backend of the pretraining run. */
export async function tokenizerRecipe(config: PretrainConfig) {
  const overrides: Override[] = [];
  const take = (key: string, value: unknown) =>
    overrides.push({ key, value, origin: "--train-tokenizer" });
  for (const [key, value] of Object.entries(config.data)) take(`data.${key}`, value);
  for (const [key, value] of Object.entries(config.backend)) take(`backend.${key}`, value);
  const { imageSize, patchSize } = config.model;
  const { tokenizerSize } = config.augment;
  take("model.imageSize", tokenizerSize);
  take("model.patchSize", tokenizerSize * patchSize / imageSize);
  take("seed", config.seed);
  take("precision", config.precision);
  return await resolveConfig({
    task: "tokenizer",
    recipe: config.tokenizer.recipe,
    mayRun: false,
    overrides,
  });
}

/** The result of the finished run of a config in a directory; null if there is none. */
export async function finishedRunOf(
  directory: string,
  config: Config,
): Promise<FinishedRun | null> {
  const { configHash } = await import("../../pipeline/engine/resuming/config_hash.ts");
  const stored = readRunConfig(directory) as { hash?: string } | null;
  return stored?.hash === await configHash(config) ? finishedRun(directory) : null;
}

/** Whether a directory is free for a config's run, or already holds it. */
async function isFor(directory: string, config: PretrainConfig): Promise<boolean> {
  const stored = readRunConfig(directory) as { hash?: string } | null;
  if (stored !== null) {
    const { configHash } = await import("../../pipeline/engine/resuming/config_hash.ts");
    return stored.hash === await configHash(config);
  }
  try {
    return [...Deno.readDirSync(directory)].every(({ name }) => beforeTheRun.has(name));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    throw error;
  }
}

/** The run's directory and its config, with the tokenizer inside it. */
async function openParts(flags: RunFlagValues, chosen: readonly Override[]) {
  const resolveIn = async (out: string) => {
    const tokenizer = `${out.replace(/\/+$/, "")}/${tokenizerFolder}`;
    const own = { ...flags, tokenizer };
    return { out, tokenizer, resolved: await configOf("pretrain", own, undefined, chosen) };
  };
  const { name, config } = await configOf("pretrain", flags, undefined, chosen);
  const wanted = flags.out ?? config.output;
  if (wanted !== null && wanted !== undefined) return await resolveIn(wanted);
  for (let number = 1;; number++) {
    const parts = await resolveIn(`runs/${flags.name ?? name}${number === 1 ? "" : `-${number}`}`);
    if (await isFor(parts.out, parts.resolved.config)) return parts;
  }
}

function refuse(flags: RunFlagValues): void {
  const other = flags.dryRun
    ? "--dry-run"
    : flags.resume !== undefined
    ? "--resume"
    : flags.tokenizer !== undefined
    ? "--tokenizer"
    : null;
  if (other === null) return;
  const hints: Record<string, string> = {
    "--dry-run": "`deno task tokenizer --dry-run` plans the tokenizer",
    "--resume": "omit --resume: the same command resumes where it stopped",
  };
  throw new UserError(`Cannot use --train-tokenizer with ${other}`, {
    hint: hints[other] ?? "omit one of them",
  });
}

/**
 * Trains the tokenizer in the folder `tokenizer` of the run that needs it; resumes an interrupted one and
 * leaves a finished one alone.
 *
 * @returns the run's directory and the tokenizer's, or the exit code if training was interrupted
 */
export async function trainTokenizerFirst(
  flags: RunFlagValues,
  context: CommandContext,
  chosen: readonly Override[] = [],
): Promise<{ readonly out: string; readonly tokenizer: string } | number> {
  refuse(flags);
  const communicator = await context.job.join(flags);
  const isFirst = communicator.rank === 0;
  const { out, tokenizer, pretraining } = await fromFirst(communicator, async () => {
    const { out, tokenizer, resolved } = await openParts(flags, chosen);
    return { out, tokenizer, pretraining: resolved.config };
  });
  const { config, origins } = await tokenizerRecipe(pretraining);
  const { requireFit } = await import("../../methods/vqkd/load_tokenizer.ts");
  const { imageSize, patchSize } = config.model;
  const shape = { imageSize, patchSize, codes: config.codebook.codes };
  requireFit(shape, pretraining.model, pretraining.augment.tokenizerSize);
  const progress = openProgress(config.log.progressSeconds, flags.quiet);
  try {
    if (await fromFirst(communicator, () => finishedRunOf(tokenizer, config)) !== null) {
      if (isFirst) progress.line(`The tokenizer in ${tokenizer} is already trained`);
      return { out, tokenizer };
    }
    if (isFirst) progress.line(`Training the tokenizer ${pretraining.tokenizer.recipe} first`);
    const { trainTokenizer } = await import("../../methods/vqkd/method.ts");
    const { interrupted, step } = await trainTokenizer(config, {
      directory: tokenizer,
      resume: "auto",
      listener: progress.listener,
      signal: context.signal,
      communicator,
      origins,
    });
    if (!interrupted) return { out, tokenizer };
    progress.close();
    if (!isFirst) return exitCodes.interrupted;
    context.note(
      `Interrupted and saved after step ${step} of the tokenizer. Run the same command to resume.`,
    );
    return exitCodes.interrupted;
  } finally {
    progress.close();
  }
}
