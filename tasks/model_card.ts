/** The page that goes with an exported model: what it is, how good it is, what it learned from. */
import { formatMetric, metricName, tellingMetrics } from "../core/metric_names.ts";
import { formatBytes, formatCount } from "../core/number_formats.ts";
import { findCard } from "../checkpoints/hub/cards.ts";
import type { TestedOn, VariantAccuracy } from "./measure_variants.ts";
import type { ModelKind, ModelShape } from "../checkpoints/formats/model_shape.ts";

/** A file of the model in one number format. */
export interface ExportedVariant {
  /** What transformers.js calls the format. */
  readonly dtype: "fp32" | "fp16" | "q8";
  /** Path below the folder. */
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  /** How it does on labelled images, if it was measured. */
  readonly accuracy?: VariantAccuracy;
}

/** What a model card says. */
export interface ModelCard {
  readonly kind: ModelKind;
  readonly shape: ModelShape;
  readonly classNames: readonly string[];
  /** The images that it was trained on; null if unknown. */
  readonly data: string | null;
  /** The weights that its training started from, by path or name; null for none. */
  readonly startedFrom: string | null;
  /** The recipe of its run, null if unknown. */
  readonly recipe: string | null;
  /** Steps of its finished run; null if it is not finished, or not known. */
  readonly steps: number | null;
  /** What its run measured, by metric. */
  readonly figures: Readonly<Record<string, number>>;
  readonly variants: readonly ExportedVariant[];
  /** The images that the variants were measured on; null if they were not. */
  readonly tested: TestedOn | null;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |\n`;
  return line(head) + line(head.map(() => "---")) + rows.map(line).join("");
}

const code = (text: string) => `\`${text}\``;

/** Finer than elsewhere: number formats differ by few images. */
const share = (value: number) => `${(100 * value).toFixed(2)} %`;

/** How to use it in JavaScript: the task's pipeline with the model's folder. */
function usage(isClassifier: boolean): string {
  const task = isClassifier ? "image-classification" : "image-feature-extraction";
  return "```js\n" +
    'import { pipeline } from "@huggingface/transformers";\n' +
    `const run = await pipeline("${task}", "PATH_OR_NAME", { dtype: "fp32" });\n` +
    'console.log(await run("photo.jpg"));\n' +
    "```\n";
}

/** The images in words; those that come with mimic have a name and a licence. */
function dataText(data: string | null): string {
  if (data === null) return "unknown";
  return data === "sample" ? "5 600 images of Fashion-MNIST (MIT licence)" : code(data);
}

function weightsText(startedFrom: string | null): string {
  if (startedFrom === null) return "random weights, or unknown";
  const card = findCard(startedFrom);
  return code(startedFrom) + (card === undefined ? "" : ` (${card.licence}, ${card.source})`);
}

/** How each file does, and how often it differs from float32. */
function accuracyTable(
  { variants, tested, shape }: Pick<ModelCard, "variants" | "tested" | "shape">,
): string {
  if (tested === null) return "";
  const rows = variants.map(({ dtype, accuracy }) => {
    const { top1, top5, agreement } = accuracy!;
    const shares = tellingMetrics({ top1, top5 }, shape.classes ?? 0);
    return [code(dtype), ...Object.values(shares).map(share), share(agreement)];
  });
  const measures = Object.keys(tellingMetrics({ top1: 0, top5: 0 }, shape.classes ?? 0));
  const head = ["`dtype`", ...measures.map(metricName), "same class as `fp32`"];
  return `Measured in onnxruntime on ${formatCount(tested.images)} images of ${
    code(tested.name)
  }:\n\n` +
    table(head, rows) + "\n";
}

/** A model card as Markdown, with the header that Hugging Face reads. */
export function modelCard(card: ModelCard): string {
  const { kind, shape, classNames, data, startedFrom, recipe, steps, figures, variants } = card;
  const isClassifier = kind === "finetune";
  const size =
    `${shape.depth} blocks of width ${shape.embedDim}, ${shape.heads} heads, patches of ` +
    `${shape.patchSize} px, images of ${shape.imageSize} px`;
  const facts = [
    ["model", size],
    ["classes", isClassifier ? `${shape.classes}: ${classNames.join(", ") || "unnamed"}` : "none"],
    ["trained on", dataText(data)],
    ["started from", weightsText(startedFrom)],
    ["recipe", recipe === null ? "unknown" : code(recipe)],
    ["steps", steps === null ? "unknown: no figures of a finished run" : formatCount(steps)],
    ["licence", "not stated yet; that of the images and the weights it started from applies"],
  ];
  return "---\n" +
    "library_name: transformers.js\n" +
    `pipeline_tag: ${isClassifier ? "image-classification" : "image-feature-extraction"}\n` +
    "tags: [beit, vision-transformer, mimic]\n" +
    "---\n\n" +
    `# ${isClassifier ? "Image classifier" : "Image encoder"}, made with mimic\n\n` +
    table(["what", "value"], facts) + "\n" +
    (Object.keys(figures).length === 0 ? "" : "## Figures of its run\n\n" +
      table(
        ["figure", "value"],
        Object.entries(figures).map(([key, value]) => [metricName(key), formatMetric(key, value)]),
      ) + "\n") +
    "## Files\n\n" +
    table(
      ["`dtype`", "file", "size", "SHA-256"],
      variants.map(({ dtype, file, bytes, sha256 }) => [
        ...[`\`${dtype}\``, `\`${file}\``, formatBytes(bytes), `\`${sha256.slice(0, 12)}…\``],
      ]),
    ) + "\n" + accuracyTable(card) + "## Use\n\n" + usage(isClassifier);
}
