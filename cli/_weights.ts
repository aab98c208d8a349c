/** Weights that a command is given by path, by the name of a model card, or by address. */
import { choice, type CommandContext, integer, toggle } from "./_command.ts";
import { formatBytes } from "./_plan.ts";

/** Flags of every command that opens a model. */
export const modelFlags = {
  part: choice("What to take out of a pretraining checkpoint that holds its tokenizer too.", [
    "model",
    "tokenizer",
  ]),
  heads: integer("Attention heads, where the file does not show them.", { minimum: 1 }),
};

/** The flag of every command that may fetch weights. */
export const offline = toggle("Never download: weights given by name must be in the cache.");

/** Bytes between two lines that say how far a download is. */
const reportEvery = 50e6;

/** Says now and then how far a download is. */
function reportDownload(from: string, context: Pick<CommandContext, "note">) {
  let next = 0;
  return ({ bytes, total }: { bytes: number; total: number | undefined }) => {
    if (bytes < next) return;
    next = bytes + reportEvery;
    const whole = total === undefined ? "" : ` of ${formatBytes(total)}`;
    context.note(`Downloading ${from}: ${formatBytes(bytes)}${whole}`);
  };
}

/** The local path of weights; those of a known name are fetched unless `offline`. */
export async function locateWeights(
  from: string,
  flags: { readonly offline: boolean },
  context: CommandContext,
): Promise<string> {
  const { resolveWeights } = await import("../checkpoints/download.ts");
  return await resolveWeights(from, {
    offline: flags.offline,
    signal: context.signal,
    onProgress: reportDownload(from, context),
  });
}

/** What `--part` and `--heads` say, as `openModel` takes it. */
export function modelOptions(
  { part, heads }: {
    readonly part: "model" | "tokenizer" | undefined;
    readonly heads: number | undefined;
  },
) {
  return { part, ...heads === undefined ? {} : { shape: { heads } } };
}
