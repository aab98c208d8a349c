/** `export`: a model as ONNX. */
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
  summary: "Export a model to ONNX",
  description:
    "Writes the encoder, or the whole classifier, as an ONNX file (opset 17). Its input " +
    "`images` is [batch, 3, size, size], normalised with the mean and standard deviation in its " +
    "metadata, which also contains the class names; its outputs are `logits`, or `tokens` and `pooled`: the " +
    "mean of the patch tokens or, for a classifier, the input of its head.",
  arguments: {
    from: required(
      "IN",
      "A file, a hub folder, a run directory, or the name of a model card.",
    ),
    out: required("OUT.onnx", "The file to write."),
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
    ["export vit.pth features.onnx --output features", "a classifier without its head"],
  ],
  async run({ flags, arguments: { from, out } }, context) {
    const path = await locateWeights(from, flags, context);
    const { exportOnnxFile } = await import("../../checkpoints/onnx/export_onnx.ts");
    const { classNamesOfRun, hubPreprocessing } = await import(
      "../../pipeline/images/preparation.ts"
    );
    // Written to a temporary file: the model is read while it is written, and OUT may be IN.
    const aside = `${out}.tmp`;
    const preprocessing = hubPreprocessing(path);
    const classNames = classNamesOfRun(path);
    const options = {
      output: flags.output,
      ...modelOptions(flags),
      ...(preprocessing === undefined ? {} : { preprocessing }),
      ...(classNames === null ? {} : { classNames }),
    };
    const written = await exportOnnxFile(path, aside, options);
    moveInto(aside, out);
    if (flags.json) return context.printJson({ file: out, ...written });
    context.print(`${out}: ${formatBytes(written.bytes)}, SHA-256 ${written.sha256}`);
  },
});
