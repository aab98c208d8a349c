/** `tokens-report`: a page about what a tokenizer's codes stand for. */
import { messageOf, UserError } from "../../core/errors.ts";
import { defineCommand, integer, path } from "../parsing/command.ts";
import type { TokensReportFigures } from "../../tasks/tokens/tokens_report.ts";
import { formatPercent, plural } from "../../core/number_formats.ts";
import { inferenceOptions, labelledDataFlags } from "../parsing/model_flags.ts";
import { tokenizerFlags } from "./tokenize.ts";

/** The figures in words. */
function describe(figures: TokensReportFigures): string[] {
  const { codes, deadCodes, codebookUsage, codebookPerplexity, images, knnTop1, pixels } = figures;
  const lines = [
    `${codes - deadCodes} of ${codes} codes in use (${formatPercent(codebookUsage)}), perplexity ` +
    `${codebookPerplexity.toFixed(1)}, in ${images} ${plural(images, "image")}`,
  ];
  if (knnTop1 === undefined) return lines;
  const rows: [string, number][] = [
    ["k-NN on code histograms, this tokenizer", knnTop1],
    ...pixels === undefined
      ? []
      : [["k-NN on code histograms, k-means on pixels", pixels.knnTop1!] as [string, number]],
    ["chance", figures.chance!],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return [
    ...lines,
    ...rows.map(([name, share]) => `${name.padEnd(width)}  ${formatPercent(share).padStart(7)}`),
  ];
}

/** Writes the page. */
export const tokensReport = defineCommand({
  name: "tokens-report",
  summary: "Create a page that shows what a tokenizer's codes stand for",
  description: "One HTML file with pictures: images with their token maps, patches with the same " +
    "code, and how the codes are used. If the images have labels, it also shows how well nearest neighbours by code " +
    "histograms predict them, compared with k-means on pixels with the same number of codes.",
  flags: {
    ...tokenizerFlags,
    ...labelledDataFlags,
    images: integer("Images per split, drawn at random; default: 3000.", { minimum: 1 }),
    out: path("The page to write; default: tokens.html.", { placeholder: "FILE", short: "o" }),
  },
  examples: [
    ["tokens-report", "the bundled tokenizer, on the bundled clothing images"],
    ["tokens-report --checkpoint runs/codes --data ~/photos --out codes.html", "your own"],
  ],
  async run({ flags }, context) {
    const { out = "tokens.html", images, checkpoint = "vqkd_quickstart" } = flags;
    const { tokensReport } = await import("../../tasks/tokens/tokens_report.ts");
    const { options, close } = inferenceOptions({ ...flags, checkpoint, imageSize: undefined });
    try {
      const { page, figures } = await tokensReport({ ...options, images });
      try {
        Deno.writeTextFileSync(out, page);
      } catch (error) {
        throw new UserError(`Cannot write "${out}": ${messageOf(error)}`, { cause: error });
      }
      if (flags.json) return context.printJson({ ...figures, out });
      for (const line of describe(figures)) context.print(line);
      context.print(`The page is ${out}`);
    } finally {
      close();
    }
  },
});
