/** `predict`: the classes of images. */
import { messageOf, UserError } from "../../core/errors.ts";
import { linesOf } from "../../core/text_lines.ts";
import { defineCommand, integer, path, some } from "../parsing/command.ts";
import { inferenceOptions, modelFlags, percent } from "../parsing/model_flags.ts";

function readNames(file: string | undefined): readonly string[] | undefined {
  if (file === undefined) return undefined;
  try {
    return linesOf(Deno.readTextFileSync(file).trimEnd());
  } catch (cause) {
    throw new UserError(`Cannot read the class names "${file}": ${messageOf(cause)}`, { cause });
  }
}

/** Names the classes of images. */
export const predict = defineCommand({
  name: "predict",
  summary: "Predict the classes of images",
  description: "Prints the most probable classes of each image according to a fine-tuned model.",
  arguments: {
    images: some("IMAGES", "Image files, or a single folder or archive."),
  },
  flags: {
    ...modelFlags,
    top: integer("Number of classes to name for each image; default: 5.", { minimum: 1 }),
    classes: path("File with one class name per line, if the model has none.", {
      placeholder: "FILE",
    }),
  },
  examples: [
    ["predict boot.png --checkpoint runs/finetune_quickstart", "one image"],
    ["predict photos --checkpoint runs/finetune_quickstart --json", "a folder, as JSON"],
  ],
  async run({ flags, arguments: { images } }, context) {
    const { options, close } = inferenceOptions(flags);
    try {
      const { predict } = await import("../../tasks/predict.ts");
      const classNames = readNames(flags.classes);
      const predictions = await predict({ ...options, images, top: flags.top, classNames });
      if (flags.json) return context.printJson(predictions);
      for (const { image, guesses } of predictions) {
        const named = guesses.map(({ name, probability }) => `${name} ${percent(probability)}`);
        context.print(`${image}  ${named.join(", ")}`);
      }
    } finally {
      close();
    }
  },
});
