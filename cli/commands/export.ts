/** `export`: a model as ONNX, alone or in a folder for transformers.js. */
import { messageOf, UserError } from "../../core/errors.ts";
import { choice, defineCommand, required, toggle } from "../parsing/command.ts";
import { formatBytes } from "../screen/plan.ts";
import { locateWeights, modelFlags, modelOptions, offline } from "../running/weights.ts";

function moveInto(aside: string, out: string): void {
  try {
    Deno.renameSync(aside, out);
  } catch (error) {
    Deno.removeSync(aside);
    throw new UserError(`Cannot write "${out}": ${messageOf(error)}`, { cause: error });
  }
}

/** Writes ONNX files. */
export const exportModel = defineCommand({
  name: "export",
  summary: "Export a model to ONNX, or to a folder for transformers.js",
  description:
    "If OUT ends in .onnx, writes the encoder, or the whole classifier, as an ONNX file (opset 17). Its input " +
    "`images` is [batch, 3, size, size], normalised with the mean and standard deviation in its " +
    "metadata, which also contains the class names; its outputs are `logits`, or `tokens` and `pooled`: the " +
    "mean of the patch tokens or, for a classifier, the input of its head.\n\n" +
    "Otherwise OUT is a folder that transformers.js and Hugging Face's transformers load as it is: " +
    "`onnx/` with float32, float16 and 8 bits (input `pixel_values`), `model.safetensors`, both " +
    "configs, and a model card with the figures of the run.",
  arguments: {
    from: required(
      "IN",
      "A file, a hub folder, a run directory, or the name of a model card.",
    ),
    out: required("OUT", "The .onnx file or the folder to write."),
  },
  flags: {
    output: choice(
      "What the model outputs; default: logits for a classifier, otherwise features.",
      [
        "features",
        "logits",
      ],
    ),
    ...modelFlags,
    offline,
    json: toggle("Print a report as one JSON document."),
  },
  examples: [
    ["export runs/quickstart encoder.onnx", "features of a pretrained model"],
    ["export runs/finetune_quickstart classifier", "a folder for transformers.js"],
    ["export vit.pth features.onnx --output features", "a classifier without its head"],
  ],
  async run({ flags, arguments: { from, out } }, context) {
    const path = await locateWeights(from, flags, context);
    const { classNamesOfRun, hubPreprocessing } = await import(
      "../../pipeline/images/preparation.ts"
    );
    const preprocessing = hubPreprocessing(path);
    const classNames = classNamesOfRun(path);
    const options = {
      ...modelOptions(flags),
      ...(preprocessing === undefined ? {} : { preprocessing }),
      ...(classNames === null ? {} : { classNames }),
    };
    if (!out.endsWith(".onnx")) {
      if (flags.output !== undefined) {
        throw new UserError(`Cannot use --output for the folder "${out}": its class decides`, {
          hint: "omit it, or give a file that ends in .onnx",
        });
      }
      const { exportFolder } = await import("../../tasks/export_folder.ts");
      const written = await exportFolder(path, out, options);
      if (flags.json) return context.printJson({ folder: out, ...written });
      for (const { file, bytes } of written.variants) {
        context.print(`${out}/${file}: ${formatBytes(bytes)}`);
      }
      return context.print(`${out}/README.md: the model card`);
    }
    const { exportOnnxFile } = await import("../../checkpoints/onnx/export_onnx.ts");
    // Written to a temporary file: the model is read while it is written, and OUT may be IN.
    const aside = `${out}.tmp`;
    const written = await exportOnnxFile(path, aside, { ...options, output: flags.output });
    moveInto(aside, out);
    if (flags.json) return context.printJson({ file: out, ...written });
    context.print(`${out}: ${formatBytes(written.bytes)}, SHA-256 ${written.sha256}`);
  },
});
