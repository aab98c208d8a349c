/** `features`: image features from any block of a model. */
import { UserError } from "../../core/errors.ts";
import { plural } from "../../core/number_formats.ts";
import { choice, defineCommand, integer, path, repeated, some, text } from "../parsing/command.ts";
import { inferenceOptions, modelFlags } from "../parsing/model_flags.ts";

/** Writes features of images. */
export const features = defineCommand({
  name: "features",
  summary: "Write the features of images to a file",
  description: "Runs a model on images and writes the outputs of its blocks: a tensor " +
    "layer<i>.<token> for each block and token, the labels and, in the metadata, the image names. A " +
    ".parquet file has a row for each image instead: id, label, class, and the same " +
    "features as lists, for data frames.\n\n" +
    "The blocks' outputs are written without a norm.",
  arguments: {
    images: some("IMAGES", "Image files, or a single folder or archive."),
  },
  flags: {
    ...modelFlags,
    out: path("The file to write: .safetensors or .parquet.", { placeholder: "FILE", short: "o" }),
    split: text("Split of the folder or archive, such as val; default: train if it exists.", {
      placeholder: "NAME",
    }),
    layer: repeated(integer("Block, from 0, or from the end with -1; default: the last.")),
    token: repeated(choice(
      "What to take from a block: the cls token, the mean of the patches (the default), or all patches.",
      ["cls", "meanPatches", "patches"],
    )),
  },
  examples: [
    ["features photos --checkpoint runs/quickstart --out photos.safetensors", "the last block"],
    [
      "features photos --checkpoint beit.pth --layer 5 --layer -1 --token cls --out f.safetensors",
      "the cls token of two blocks",
    ],
    [
      "features photos --checkpoint runs/photos --out photos.parquet",
      "for pandas, Polars or DuckDB",
    ],
  ],
  async run({ flags, arguments: { images } }, context) {
    const { out, layer, token, split } = flags;
    if (out === undefined) {
      throw new UserError("Cannot write the features: --out is missing", {
        hint: "name the file, such as --out features.safetensors",
      });
    }
    const { options, close } = inferenceOptions({ ...flags, split: undefined });
    try {
      const { features } = await import("../../tasks/features.ts");
      const result = await features({
        ...options,
        images,
        out,
        split,
        layers: layer.length === 0 ? undefined : layer,
        tokens: token.length === 0 ? undefined : token,
      });
      if (flags.json) return context.printJson(result);
      for (const [name, shape] of Object.entries(result.tensors)) {
        context.print(`${name}  [${shape.join(", ")}]`);
      }
      const { images: count } = result;
      context.print(`Features of ${count} ${plural(count, "image")} are in ${result.out}`);
    } finally {
      close();
    }
  },
});
