/** What a study's page says of frozen features. @module */

import type { Study } from "../../configs/study.ts";
import { markdownTable } from "../../report/markdown_table.ts";
import { type DatasetSummary, formatSpread, percentLabel } from "./summary.ts";

const kinds = [
  ["knn", "k-NN", "20 neighbours, mean of the patch tokens of the last block"],
  ["linear", "Linear probe", "a linear layer on the same features"],
  ["linearClsAndMean", "Linear probe, cls + mean", "a linear layer on the cls token and the mean"],
] as const;

/**
 * A table for each kind of features: a row for each arm, and below them the teachers.
 *
 * @param arms names and titles
 */
export function featuresTables(
  { labels, teachers }: Study,
  dataset: string,
  arms: readonly (readonly [arm: string, title: string])[],
  summary: DatasetSummary,
): string[] {
  if (!arms.some(([arm]) => summary.features(arm, 1, "knn") !== null)) return [];
  const known = Object.entries(teachers).filter(([name]) => {
    return summary.teacher(dataset, name, 1, "knn") !== null;
  });
  return [
    "### Frozen features",
    "",
    "Here, “from scratch” means the untrained network." +
    (known.length === 0
      ? ""
      : " A teacher's features are those that its tokenizers learn from, averaged over the patches."),
    "",
    ...kinds.flatMap(([figure, title, what]) => [
      `**${title}**: ${what}.`,
      "",
      markdownTable([
        ["arm", ...labels.map((share) => `${percentLabel(share)} of the labels`)],
        ...arms.map(([arm, name]) => [
          name,
          ...labels.map((share) => formatSpread(summary.features(arm, share, figure))),
        ]),
        ...(figure === "linearClsAndMean" ? [] : known).map(([name, teacher]) => [
          `the teacher itself, ${teacher.title}`,
          ...labels.map((share) => {
            const found = summary.teacher(dataset, name, share, figure);
            return found === null ? "–" : (100 * found).toFixed(1);
          }),
        ]),
      ]),
      "",
    ]),
  ];
}
