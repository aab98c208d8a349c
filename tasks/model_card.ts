/** The page that goes with an exported model: what it is, how good it is, what it learned from. */
import { formatMetric, metricName } from "../core/metric_names.ts";
import { formatBytes } from "../core/number_formats.ts";
import type { ModelKind, ModelShape } from "../checkpoints/formats/model_shape.ts";

/** A file of the model in one number format. */
export interface ExportedVariant {
  /** What transformers.js calls the format. */
  readonly dtype: "fp32" | "fp16" | "q8";
  /** Path below the folder. */
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** What a model card says. */
export interface ModelCard {
  readonly kind: ModelKind;
  readonly shape: ModelShape;
  readonly classNames: readonly string[];
  /** The images that it was trained on; null if unknown. */
  readonly data: string | null;
  /** Steps that it was trained for; null if unknown. */
  readonly steps: number | null;
  /** What its run measured, by metric. */
  readonly figures: Readonly<Record<string, number>>;
  readonly variants: readonly ExportedVariant[];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |\n`;
  return line(head) + line(head.map(() => "---")) + rows.map(line).join("");
}

/** How to use it in JavaScript: the task's pipeline with the model's folder. */
function usage(isClassifier: boolean): string {
  const task = isClassifier ? "image-classification" : "image-feature-extraction";
  return "```js\n" +
    'import { pipeline } from "@huggingface/transformers";\n' +
    `const run = await pipeline("${task}", "PATH_OR_NAME", { dtype: "fp32" });\n` +
    'console.log(await run("photo.jpg"));\n' +
    "```\n";
}

/** A model card as Markdown, with the header that Hugging Face reads. */
export function modelCard(card: ModelCard): string {
  const { kind, shape, classNames, data, steps, figures, variants } = card;
  const isClassifier = kind === "finetune";
  const size =
    `${shape.depth} blocks of width ${shape.embedDim}, ${shape.heads} heads, patches of ` +
    `${shape.patchSize} px, images of ${shape.imageSize} px`;
  const facts = [
    ["model", size],
    ["classes", isClassifier ? `${shape.classes}: ${classNames.join(", ") || "unnamed"}` : "none"],
    ["trained on", data ?? "unknown"],
    ["steps", steps === null ? "unknown" : String(steps)],
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
    ) + "\n## Use\n\n" + usage(isClassifier);
}
