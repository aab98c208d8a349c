/** `export`: a model as ONNX, alone or in a folder for transformers.js. */
import { messageOf, UserError } from "../../core/errors.ts";
import { plural } from "../../core/number_formats.ts";
import type { ExportedFolder } from "../../tasks/export_folder.ts";
import type { VariantAccuracy } from "../../tasks/measure_variants.ts";
import { choice, defineCommand, path as pathFlag, required, toggle } from "../parsing/command.ts";
import { dataKeys, percent, plainSeconds } from "../parsing/model_flags.ts";
import { formatBytes } from "../screen/plan.ts";
import { openProgress } from "../screen/progress.ts";
import { locateWeights, modelFlags, modelOptions, offline } from "../running/weights.ts";

function moveInto(aside: string, out: string): void {
  try {
    Deno.renameSync(aside, out);
  } catch (error) {
    Deno.removeSync(aside);
    throw new UserError(`Cannot write "${out}": ${messageOf(error)}`, { cause: error });
  }
}

function measuredText({ top1, agreement }: VariantAccuracy): string {
  return `, top-1 ${percent(top1)}, same class as float32 ${percent(agreement)}`;
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
    "configs, and a model card with the figures of the run. With --evaluate, each number format of a " +
    "classifier is measured on the run's test images in onnxruntime, which is downloaded with its first use.",
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
    evaluate: toggle("Measure the accuracy of each number format in the folder."),
    data: pathFlag("Labelled images to evaluate on; default: the run's test images."),
    json: toggle("Print a report as one JSON document."),
  },
  examples: [
    ["export runs/quickstart encoder.onnx", "features of a pretrained model"],
    ["export runs/finetune_quickstart classifier", "a folder for transformers.js"],
    ["export runs/finetune_quickstart classifier --evaluate", "… with the accuracy of each file"],
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
    const isFolder = !out.endsWith(".onnx");
    if (flags.data !== undefined && !flags.evaluate) {
      throw new UserError("Cannot use --data: nothing is evaluated", { hint: "add --evaluate" });
    }
    if (flags.evaluate && !isFolder) {
      throw new UserError(`Cannot evaluate the single file "${out}"`, {
        hint: "omit --evaluate, or give a folder",
      });
    }
    if (isFolder) {
      if (flags.output !== undefined) {
        throw new UserError(`Cannot use --output for the folder "${out}": its class decides`, {
          hint: "omit it, or give a file that ends in .onnx",
        });
      }
      const { exportFolder } = await import("../../tasks/export_folder.ts");
      const progress = openProgress(plainSeconds, flags.json);
      const { listener } = progress;
      const evaluation = flags.evaluate ? { data: dataKeys(flags.data), listener } : undefined;
      let written: ExportedFolder;
      try {
        written = await exportFolder(path, out, { ...options, evaluation });
      } finally {
        progress.close();
      }
      if (flags.json) return context.printJson({ folder: out, ...written });
      for (const { file, bytes, accuracy } of written.variants) {
        const measured = accuracy === undefined ? "" : measuredText(accuracy);
        context.print(`${out}/${file}: ${formatBytes(bytes)}${measured}`);
      }
      const { tested } = written;
      if (tested !== null) {
        const { images, name } = tested;
        context.print(`on ${images} ${plural(images, "image")} of "${name}"`);
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
