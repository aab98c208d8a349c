/** Which tokenizer pretraining uses, and what that implies for the model's views. */
import type { Override } from "../../configs/overrides.ts";
import { resolveConfig } from "../../methods/configs.ts";
import type { RunListener } from "../../pipeline/engine/events.ts";
import { type Choice, chooseFor } from "./chosen_settings.ts";
import { continuedChoice, continueRecipe } from "./continued_checkpoint.ts";
import { configOf } from "../parsing/config_flags.ts";
import type { RunFlagValues } from "./run_flags.ts";

/** A choice for pretraining. */
export interface PretrainChoice extends Choice {
  /** Whether no available tokenizer fits, so that one is trained first. */
  readonly trainsTokenizer: boolean;
  /** The published tokenizer that was chosen for a checkpoint. */
  readonly tokenizer?: string | undefined;
}

/** The name for k-means on the run's own pixels, which fits any model. */
const pixels = "pixels";

/** Flags with the recipe that is used if a checkpoint is continued without one. */
export function withRecipe<Flags extends RunFlagValues>(flags: Flags): Flags {
  const isContinued = flags.checkpoint !== undefined && flags.resume === undefined;
  return isContinued && flags.config.length === 0 ? { ...flags, config: [continueRecipe] } : flags;
}

/** The choice for a run that continues a checkpoint. */
async function chooseContinued(flags: RunFlagValues, choice: Choice): Promise<PretrainChoice> {
  const { overrides, tokenizer } = await continuedChoice(String(flags.checkpoint), flags);
  const isGiven = flags.tokenizer !== undefined ||
    flags.set.some((text) => text.startsWith("tokenizer.checkpoint="));
  const all = [...choice.overrides, ...overrides];
  if (!isGiven) return { ...choice, overrides: all, trainsTokenizer: false, tokenizer };
  // As many codes as the given tokenizer has: a head for others is new.
  const { config } = await configOf("pretrain", withRecipe(flags), undefined, all);
  const { checkpoint } = config.tokenizer;
  if (checkpoint === pixels) return { ...choice, overrides: all, trainsTokenizer: false };
  const { tokenizerSize } = await import("../../methods/vqkd/load_tokenizer.ts");
  const { size: { codes, imageSize } } = await tokenizerSize(checkpoint, {
    offline: flags.offline,
    onStandIn() {},
  });
  const origin = `of ${checkpoint}`;
  const follow = { "model.codes": codes, "augment.tokenizerSize": imageSize };
  const own = Object.entries(follow).map(([key, value]) => ({ key, value, origin }));
  return { ...choice, overrides: [...all, ...own], trainsTokenizer: false };
}

/**
 * Chooses for pretraining: sizes, training length and the tokenizer's view. If the bundled
 * tokenizer divides an image into different patches than the model, a new one is to be trained.
 */
export async function choosePretraining(
  flags: RunFlagValues & { readonly trainTokenizer: boolean },
  tell: RunListener,
): Promise<PretrainChoice> {
  const choice = await chooseFor("pretrain", flags, tell);
  if (flags.checkpoint !== undefined && flags.resume === undefined && flags.config.length === 0) {
    const continued = await chooseContinued(flags, choice);
    return { ...continued, trainsTokenizer: flags.trainTokenizer };
  }
  const keep = { ...choice, trainsTokenizer: flags.trainTokenizer };
  if (flags.resume !== undefined || flags.config.length > 0 || flags.trainTokenizer) return keep;
  const { config, origins } = await configOf("pretrain", flags, undefined, choice.overrides);
  const { checkpoint } = config.tokenizer;
  if (checkpoint === pixels) return keep;
  const { tokenizerSize } = await import("../../methods/vqkd/load_tokenizer.ts");
  const { size: tokenizer } = await tokenizerSize(checkpoint, { offline: flags.offline });
  const [theirs, ours] = [tokenizer, config.model].map((x) => x.imageSize / x.patchSize);
  const isOwn = origins.get("tokenizer.checkpoint")?.startsWith("--") ?? false;
  if (theirs !== ours && !isOwn) return { ...keep, trainsTokenizer: true };
  const overrides: Override[] = [];
  const follow = (key: string, now: number, value: number) => {
    const isGiven = origins.get(key)?.startsWith("--set") ?? false;
    if (now !== value && !isGiven) overrides.push({ key, value, origin: `of ${checkpoint}` });
  };
  follow("augment.tokenizerSize", config.augment.tokenizerSize, tokenizer.imageSize);
  follow("model.codes", config.model.codes, tokenizer.codes);
  const patchSize = config.model.imageSize / theirs;
  if (flags.patchSize === undefined && Number.isInteger(patchSize)) {
    follow("model.patchSize", config.model.patchSize, patchSize);
  }
  const settings = choice.settings && { ...choice.settings, patchSize };
  return { ...keep, overrides: [...choice.overrides, ...overrides], settings };
}

/** The overrides for a dry run, in which no tokenizer can be trained: pixel tokens in its place. */
export async function withoutTokenizer(
  choice: PretrainChoice,
  note: (line: string) => void,
  flags: RunFlagValues,
): Promise<readonly Override[]> {
  const { config } = await resolveConfig({ task: "pretrain", overrides: choice.overrides });
  const { imageSize, patchSize } = config.model;
  const data = flags.data === undefined ? "" : ` --data ${JSON.stringify(flags.data)}`;
  note(
    "The tokenizer is trained first; to plan that, run: deno task tokenizer" +
      `${data} --image-size ${imageSize} --patch-size ${patchSize} --dry-run`,
  );
  return [...choice.overrides, {
    key: "tokenizer.checkpoint",
    value: pixels,
    origin: "--dry-run, in place of a tokenizer that has not been trained yet",
  }];
}
