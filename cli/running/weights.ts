/** Weights that a command is given by path, by the name of a model card, or by URL. */
import { choice, type CommandContext, integer, toggle } from "../parsing/command.ts";
import { openProgress, type Progress } from "../screen/progress.ts";

/** Flags of every command that opens a model. */
export const modelFlags = {
  part: choice("What to extract from a pretraining checkpoint that also contains its tokenizer.", [
    "model",
    "tokenizer",
  ]),
  heads: integer("Number of attention heads, if the file does not show it.", { minimum: 1 }),
};

/** The flag of every command that may download weights. */
export const offline = toggle("Never download: weights given by name must be in the cache.");

/** Shows download progress, in the same way as all long work. */
export function downloadProgress(progress: Progress, what = "Downloading weights") {
  return ({ bytes, total }: { bytes: number; total: number | undefined }) =>
    progress.listener({
      ...{ type: "progress", what, unit: "bytes" },
      ...{ done: bytes, total: total ?? null },
    });
}

/** The local path of weights; those with a known name are downloaded unless `offline`. */
export async function locateWeights(
  from: string,
  flags: { readonly offline: boolean },
  context: CommandContext,
): Promise<string> {
  const { resolveWeights } = await import("../../checkpoints/hub/download.ts");
  const progress = openProgress(10, false);
  try {
    return await resolveWeights(from, {
      offline: flags.offline,
      signal: context.signal,
      onProgress: downloadProgress(progress, `Downloading ${from}`),
    });
  } finally {
    progress.close();
  }
}

/** What `--part` and `--heads` say, in the form `openModel` takes. */
export function modelOptions(
  { part, heads }: {
    readonly part: "model" | "tokenizer" | undefined;
    readonly heads: number | undefined;
  },
) {
  return { part, ...heads === undefined ? {} : { shape: { heads } } };
}
