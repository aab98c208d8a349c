/** `tokenize`: images to visual tokens. */
import type { TokenizedImage, TokenizeResult } from "../../tasks/tokens/tokenize_images.ts";
import { UserError } from "../../core/errors.ts";
import { plural } from "../../core/number_formats.ts";
import { defineCommand, path, some, text } from "../parsing/command.ts";
import { inferenceOptions, modelFlags } from "../parsing/model_flags.ts";

const { imageSize: _, checkpoint: _1, ...flagsOfModels } = modelFlags;

/** The flags of commands that use a tokenizer. */
export const tokenizerFlags = {
  checkpoint: text(
    "The tokenizer: a run directory, a file in any known format, or the name of a model card; default: " +
      "vqkd_quickstart, which is bundled.",
    { placeholder: "FILE" },
  ),
  ...flagsOfModels,
};

/** Where tokens written to a file go. */
interface TokenSink {
  add(image: TokenizedImage): void;
  finish(result: TokenizeResult): Promise<void>;
  /** Abandons an unfinished file; an older file stays unchanged. */
  abandon(): void;
}

/** JSON lines, written as the tokens become available; the file takes its place once complete. */
async function jsonLines(file: string): Promise<TokenSink> {
  const { FileSink } = await import("../../checkpoints/tensors/file_sink.ts");
  const encoder = new TextEncoder();
  // Not before the first tokens: the model and the images may turn out to be missing.
  let sink: InstanceType<typeof FileSink> | null = null;
  return {
    add(image) {
      sink ??= new FileSink(file);
      sink.write(encoder.encode(JSON.stringify(plain(image)) + "\n"));
    },
    finish() {
      (sink ?? new FileSink(file)).finish();
      sink = null;
      return Promise.resolve();
    },
    abandon: () => sink?.abandon(),
  };
}

/** A single int32 tensor `tokens` [images, patches], with image ids in the metadata. */
function safetensors(file: string): TokenSink {
  const images: TokenizedImage[] = [];
  return {
    add: (image) => void images.push(image),
    async finish({ checkpoint, codes, grid }) {
      const { writeSafetensors } = await import(
        "../../checkpoints/safetensors/safetensors_writer.ts"
      );
      const data = new Int32Array(images.length * grid ** 2);
      for (const [index, { tokens }] of images.entries()) data.set(tokens, index * grid ** 2);
      const shape = [images.length, grid ** 2];
      await writeSafetensors(file, [["tokens", { dtype: "I32", shape, data }]], {
        checkpoint,
        codes: String(codes),
        grid: String(grid),
        ids: JSON.stringify(images.map(({ id }) => id)),
      });
    },
    abandon: () => {},
  };
}

async function openSink(file: string): Promise<TokenSink> {
  if (file.endsWith(".jsonl")) return await jsonLines(file);
  if (file.endsWith(".safetensors")) return safetensors(file);
  throw new UserError(`Cannot write tokens to "${file}": expected .safetensors or .jsonl`, {
    hint: "name it for example --out tokens.safetensors",
  });
}

/** An image and its tokens as JSON. */
function plain({ tokens, ...image }: TokenizedImage) {
  return { ...image, tokens: Array.from(tokens) };
}

/** Writes or prints visual tokens. */
export const tokenize = defineCommand({
  name: "tokenize",
  summary: "Turn images into visual tokens",
  description: "Prints, for each image, its name and the code of each patch, row by row; with " +
    "--json as one document, with --out into a file: .safetensors (int32 tensor `tokens` of images × " +
    "patches) or .jsonl (a line for each image).\n\n" +
    "Uses the central square of each image, as in evaluation.",
  arguments: {
    images: some("IMAGES", "Image files, or a single folder or archive."),
  },
  flags: {
    ...tokenizerFlags,
    out: path("The file to write.", { placeholder: "FILE", short: "o" }),
    split: text("Split of the folder or archive, such as val; default: train if it exists.", {
      placeholder: "NAME",
    }),
  },
  examples: [
    ["tokenize cat.jpg --json", "with the bundled tokenizer"],
    ["tokenize photos --checkpoint runs/codes --out tokens.safetensors", "a folder, into a file"],
  ],
  async run({ flags, arguments: { images } }, context) {
    const { out, split, checkpoint = "vqkd_quickstart" } = flags;
    const sink = out === undefined ? null : await openSink(out);
    const { tokenizeImages } = await import("../../tasks/tokens/tokenize_images.ts");
    const listed: ReturnType<typeof plain>[] = [];
    const onImage = (image: TokenizedImage) => {
      if (sink !== null) return sink.add(image);
      if (flags.json) listed.push(plain(image));
      else context.print(`${image.id}\t${image.tokens.join(" ")}`);
    };
    const { options, close } = inferenceOptions({
      ...flags,
      checkpoint,
      imageSize: undefined,
      split: undefined,
    });
    try {
      const result = await tokenizeImages({ ...options, images, split, onImage });
      await sink?.finish(result);
      if (flags.json) {
        const { images: count, ...about } = result;
        context.printJson(
          sink === null ? { ...about, images: listed } : { ...about, count, out },
        );
      } else if (sink !== null) {
        const { images: count } = result;
        context.print(`Tokens of ${count} ${plural(count, "image")} are in ${out}`);
      }
    } finally {
      sink?.abandon();
      close();
    }
  },
});
