/** `tokenize`: images to visual tokens. */
import type { TokenizedImage, TokenizeResult } from "../tasks/tokens/tokenize_images.ts";
import { messageOf, UserError } from "../core/errors.ts";
import { defineCommand, path, some, text } from "./_command.ts";
import { inferenceOptions, modelFlags } from "./_model_flags.ts";

const { imageSize: _, checkpoint: _1, ...flagsOfModels } = modelFlags;

/** The flags of the commands that look at a tokenizer. */
export const tokenizerFlags = {
  checkpoint: text(
    "The tokenizer: a run directory, a file of any known format, a model card's name; default " +
      "vqkd_quickstart, which comes along.",
    { placeholder: "FILE" },
  ),
  ...flagsOfModels,
};

/** Where tokens go that are written to a file. */
interface TokenSink {
  add(image: TokenizedImage): void;
  finish(result: TokenizeResult): Promise<void>;
}

/** JSON lines, written as the tokens come. */
function jsonLines(file: string): TokenSink {
  let out: Deno.FsFile;
  try {
    out = Deno.openSync(file, { write: true, create: true, truncate: true });
  } catch (error) {
    throw new UserError(`Cannot write "${file}": ${messageOf(error)}`, { cause: error });
  }
  const encoder = new TextEncoder();
  return {
    add: (image) => {
      let bytes = encoder.encode(JSON.stringify(plain(image)) + "\n");
      while (bytes.length > 0) bytes = bytes.subarray(out.writeSync(bytes));
    },
    finish: () => Promise.resolve(out.close()),
  };
}

/** One int32 tensor `tokens` [images, patches], the ids of the images in the metadata. */
function safetensors(file: string): TokenSink {
  const images: TokenizedImage[] = [];
  return {
    add: (image) => void images.push(image),
    async finish({ checkpoint, codes, grid }) {
      const { writeSafetensors } = await import("../checkpoints/safetensors_writer.ts");
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
  };
}

function openSink(file: string): TokenSink {
  if (file.endsWith(".jsonl")) return jsonLines(file);
  if (file.endsWith(".safetensors")) return safetensors(file);
  throw new UserError(`Cannot write tokens to "${file}": expected .safetensors or .jsonl`, {
    hint: "give --out with one of these endings",
  });
}

/** An image with its tokens as JSON has them. */
function plain({ tokens, ...image }: TokenizedImage) {
  return { ...image, tokens: Array.from(tokens) };
}

/** Writes or prints visual tokens. */
export const tokenize = defineCommand({
  name: "tokenize",
  summary: "Turn images into visual tokens",
  description: "Prints, for each image, its name and the code of each patch, row by row; with " +
    "--json as one document, with --out into a file: .safetensors (int32 tensor `tokens` of images × " +
    "patches) or .jsonl (a line for each image, written as they come).\n\n" +
    "Of an image its central square is taken, as in evaluation.",
  arguments: {
    images: some("IMAGES", "Image files, or one folder or archive."),
  },
  flags: {
    ...tokenizerFlags,
    out: path("The file to write.", { placeholder: "FILE", short: "o" }),
    split: text("Part of the folder or archive, such as val; default train where there is one.", {
      placeholder: "NAME",
    }),
  },
  examples: [
    ["tokenize cat.jpg --json", "by the tokenizer that comes along"],
    ["tokenize photos --checkpoint runs/codes --out tokens.safetensors", "a folder, into a file"],
  ],
  async run({ flags, arguments: { images } }, context) {
    const { out, split, checkpoint = "vqkd_quickstart" } = flags;
    const sink = out === undefined ? null : openSink(out);
    const { tokenizeImages } = await import("../tasks/tokens/tokenize_images.ts");
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
        context.print(`Tokens of ${result.images} images are in ${out}`);
      }
    } finally {
      close();
    }
  },
});
