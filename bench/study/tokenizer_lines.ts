/** What a study's page says of its tokenizers. @module */

import type { Study } from "../../configs/study.ts";
import { tokenizerId } from "./parts.ts";
import type { DatasetSummary } from "./summary.ts";

/** A line of Markdown for each tokenizer of a data set that has a result, and an empty one. */
export function tokenizerLines(study: Study, dataset: string, summary: DatasetSummary): string[] {
  const names = [undefined, ...Object.keys(study.tokenizers)];
  return names.flatMap((name) => {
    const figures = summary.tokenizer(tokenizerId(dataset, name))?.figures;
    if (figures === undefined) return [];
    const { teacherCosine, codebookUsage, codebookPerplexity } = figures;
    const title = name === undefined ? "" : ` “${study.tokenizers[name].title}”`;
    // k-means reconstructs nothing.
    const cosine = teacherCosine === undefined || teacherCosine === null
      ? ""
      : `cosine similarity to its teacher ${teacherCosine.toFixed(3)}, `;
    return [
      `Tokenizer${title}, shared by all seeds: ${cosine}` +
      `${(100 * codebookUsage!).toFixed(1)} % of the codes used, perplexity ` +
      `${codebookPerplexity!.toFixed(0)}.`,
      "",
    ];
  });
}
