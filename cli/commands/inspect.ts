/** `inspect`: what a checkpoint is and contains. */
import type { Inspection } from "../../checkpoints/inspect.ts";
import type { OnnxValue } from "../../checkpoints/onnx/read_onnx.ts";
import { formatShape } from "../../core/shapes.ts";
import { defineCommand, required, toggle } from "../parsing/command.ts";
import { describeLoadReport } from "../screen/tensor_lists.ts";

/** Longest metadata text that is shown in full. */
const shownMetadata = 200;

function describeMetadata(metadata: Inspection["metadata"]): string[] {
  const entries = Object.entries(metadata);
  if (entries.length === 0) return [];
  return [
    "metadata:",
    ...entries.map(([key, value]) => {
      const line = value.replaceAll(/\s+/g, " ");
      return `  ${key}: ${line.length > shownMetadata ? `${line.slice(0, shownMetadata)}…` : line}`;
    }),
  ];
}

function describeGraph(graph: Inspection["graph"]): string[] {
  if (graph === undefined) return [];
  const values = (heading: string, list: readonly OnnxValue[]) =>
    list.map(({ name, shape }) => `${heading} ${name}: [${shape.join(", ")}]`);
  return [
    `written by ${graph.producer || "an unknown program"}, opset ${graph.opset}`,
    ...values("takes", graph.inputs),
    ...values("gives", graph.outputs),
  ];
}

/** What `tokenizer --teacher FILE` would take. */
function describeTeacher(teacher: Inspection["teacher"]): string[] {
  if (teacher === undefined) return [];
  if ("refused" in teacher) return [teacher.refused];
  const { input, batch, outputs, chosen, preparation: { mean, deviation, size } } = teacher;
  const known = teacher.size ?? size;
  const side = known === undefined ? "of any size" : `of ${known} px`;
  const statistics = mean === undefined || deviation === undefined
    ? "normalised by ImageNet's statistics, for want of others"
    : `normalised by mean ${mean.join(", ")} and deviation ${deviation.join(", ")}`;
  const features = outputs.map(({ name, layout, dim }) => {
    const what = layout === "map" ? "a map" : "tokens";
    const isChosen = chosen.includes(name) ? "" : ", if teacher.onnx.outputs names it";
    return `  ${name}: ${what} of ${dim ?? "?"} features by place${isChosen}`;
  });
  return [
    `as a teacher for tokenizers: images ${side} into ${input}${
      batch === null ? "" : `, ${batch} at a time`
    }, ${statistics}`,
    ...features,
  ];
}

function describeTensors(tensors: Inspection["tensors"]): string[] {
  if (tensors.length === 0) return [];
  const rows = tensors.map(({ name, dtype, shape }) => [name, dtype, formatShape(shape)] as const);
  const width = Math.max(...rows.map(([name]) => name.length));
  return [
    "tensors:",
    ...rows.map(([name, dtype, shape]) => `  ${name.padEnd(width)}  ${dtype.padEnd(4)}  ${shape}`),
  ];
}

/** Inspects checkpoints. */
export const inspect = defineCommand({
  name: "inspect",
  summary: "Show what a checkpoint is and what it contains",
  description: "Shows a model's origin and shape, what would be dropped, unused " +
    "or missing when it is loaded, its metadata and its tensors. Reads safetensors, PyTorch's " +
    ".pth without executing anything in it, and ONNX, with what it could teach a tokenizer; reads no weights.",
  arguments: {
    file: required(
      "FILE",
      "A .safetensors, .pth or .onnx file, a hub folder, or a run directory.",
    ),
  },
  flags: {
    json: toggle("Print a single JSON document instead of text."),
  },
  examples: [
    ["inspect vqkd_encoder.pth", "a downloaded tokenizer"],
    ["inspect runs/quickstart --json", "a run's last checkpoint, for a program"],
  ],
  async run({ flags, arguments: { file } }, context) {
    const { describeInspection, inspectFile } = await import("../../checkpoints/inspect.ts");
    const found = await inspectFile(file);
    if (flags.json) return context.printJson(found);
    context.print(describeInspection(found));
    if (found.wrappers.length > 0) context.print(`weights under: ${found.wrappers.join(".")}`);
    for (const line of describeGraph(found.graph)) context.print(line);
    if (found.graph !== undefined) {
      context.print("a graph to run, not a checkpoint to load");
      for (const line of describeTeacher(found.teacher)) context.print(line);
    } else if (found.report === undefined) context.print("not a known model");
    else for (const line of describeLoadReport(found.report)) context.print(line);
    for (const line of describeMetadata(found.metadata)) context.print(line);
    for (const line of describeTensors(found.tensors)) context.print(line);
  },
});
