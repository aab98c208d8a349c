/** `convert`: anyone's checkpoint to anyone else's. */
import { UserError } from "../../core/errors.ts";
import { choice, defineCommand, required, toggle } from "../parsing/command.ts";
import { openProgress } from "../screen/progress.ts";
import { describeLoadReport, describeNames } from "../screen/tensor_lists.ts";
import { locateWeights, modelFlags, modelOptions, offline } from "../running/weights.ts";

/** Same as `CONVERT_TARGETS`, which the library checks; repeated so that `--help` loads nothing. */
const targets = ["timm", "mmselfsup", "unilm", "huggingface", "safetensors"] as const;

/** As `CONVERT_DTYPES`. */
const dtypes = ["float32", "float16", "bfloat16"] as const;

/** Converts checkpoints. */
export const convert = defineCommand({
  name: "convert",
  summary: "Convert a checkpoint to another library's names and files",
  description:
    "Reads checkpoints of mmselfsup, mmpretrain, unilm, timm, Hugging Face and our own " +
    "runs, recognising each by its keys. Lists the tensors that were dropped, left unused, " +
    "missing, of another shape, or stored where the other library does not look, so that " +
    "converting back loses nothing. The configs for timm and Hugging Face contain the class names and " +
    "the image preprocessing: that of the checkpoint's run, or else that of the folder it came in, " +
    "or else BEiT v2's. An incomplete model is rejected.",
  arguments: {
    from: required(
      "IN",
      "A file, a hub folder, a run directory, or the name of a model card.",
    ),
    out: required(
      "OUT",
      "A file; for huggingface a folder; for timm a folder, or a file ending in .safetensors " +
        "or .pth.",
    ),
  },
  flags: {
    to: choice("The format to convert to; safetensors is our own. Required.", targets),
    ...modelFlags,
    dtype: choice("Type of all weights except the codebook's; default: unchanged.", dtypes),
    allowMissing: toggle("Write an incomplete model, and list what is missing."),
    offline,
    json: toggle("Print a report as one JSON document."),
  },
  examples: [
    ["convert runs/photos vit --to timm", "a folder that timm.create_model loads"],
    ["convert beitv2_base.pth vit --to huggingface", "a folder that transformers loads"],
    ["convert vit half --to huggingface --dtype float16", "at half the size"],
    ["convert vqkd_encoder tokenizer.safetensors --to safetensors", "a published tokenizer"],
  ],
  async run({ flags, arguments: { from, out } }, context) {
    const { to } = flags;
    if (to === undefined) {
      throw new UserError("Cannot convert: --to is missing", {
        hint: `give --to and one of ${targets.join(", ")}`,
      });
    }
    const path = await locateWeights(from, flags, context);
    const { convertCheckpoint } = await import("../../checkpoints/convert.ts");
    const { classNamesOfRun, hubPreprocessing, runConfig } = await import(
      "../../pipeline/images/preparation.ts"
    );
    const { tokenizerNameOf } = await import("../../methods/vqkd/load_tokenizer.ts");
    const preprocessing = hubPreprocessing(path);
    const classNames = classNamesOfRun(path);
    const tokenizer = tokenizerNameOf(runConfig(path));
    const progress = openProgress(10, flags.json);
    const report = await convertCheckpoint(path, out, {
      onProgress: (done, total) =>
        progress.listener({ type: "progress", what: "Converting tensors", done, total }),
      to,
      ...modelOptions(flags),
      ...(preprocessing === undefined ? {} : { preprocessing }),
      ...(classNames === null ? {} : { classNames }),
      ...(tokenizer === undefined ? {} : { tokenizer }),
      ...(flags.dtype === undefined ? {} : { dtype: flags.dtype }),
      allowMissing: flags.allowMissing,
    }).finally(() => progress.close());
    if (flags.json) return context.printJson(report);
    context.print(`${report.from} ${report.kind} to ${to}: ${report.tensors} tensors`);
    for (const line of describeLoadReport(report)) context.print(line);
    for (const line of describeNames("put aside", report.aside)) context.print(line);
    for (const note of report.notes) context.print(note);
    for (const line of describeNames("written", report.files)) context.print(line);
  },
});
