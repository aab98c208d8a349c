/** `knn`: nearest neighbours of frozen features. */
import { formatMetric, metricName, tellingMetrics } from "../../core/metric_names.ts";
import type { KnnResult } from "../../tasks/knn.ts";
import { choice, defineCommand, integer, number, repeated, toggle } from "../parsing/command.ts";
import { jobFlags } from "../parsing/job_flags.ts";
import { inferenceOptions, labelledDataFlags, modelFlags } from "../parsing/model_flags.ts";
import { alignedRows } from "../../report/text_tables.ts";

/** A table per metric: the model first, then its baselines; a column for each k. */
function describe({ results, baselines, classes }: KnnResult): string[] {
  const table = (key: "top1" | "top5", guesses: number) => {
    const chance = results.map(({ k }) => ({
      k,
      top1: guesses / classes,
      top5: guesses / classes,
    }));
    const rows = Object.entries({ features: results, ...baselines, chance });
    return alignedRows([
      [key === "top1" ? "k-NN accuracy" : "top-5", ...results.map(({ k }) => `k ${k}`)],
      ...rows.map(([place, row]) => [
        metricName(place),
        ...row.map((accuracy) => formatMetric(key, accuracy[key])),
      ]),
    ]);
  };
  const telling = tellingMetrics({ top1: 1, top5: 5 }, classes);
  return Object.entries(telling).flatMap(([key, guesses]) =>
    table(key as "top1" | "top5", guesses)
  );
}

/** Measures k-NN accuracy. */
export const knn = defineCommand({
  name: "knn",
  summary: "Measure the k-NN accuracy of a model's features",
  description: "Classifies test images by the nearest training images: cosine similarity, votes " +
    "weighted by exp(similarity / temperature). Nothing is trained.\n\n" +
    "An image is represented by the mean of its patch tokens after the last block: BEiT v2 trains " +
    "its cls token only for the prediction of codes.",
  flags: {
    ...modelFlags,
    ...jobFlags,
    ...labelledDataFlags,
    neighbours: repeated(integer(
      "Neighbours that vote; the first is the headline result. Default: 20, 10, 100 and 200.",
      { minimum: 1, short: "k" },
    )),
    temperature: number("Votes are weighted by exp(similarity / X); default: 0.07."),
    layer: integer("Block, from 0, or from the end with -1; default: the last."),
    noBaselines: toggle("Skip the untrained network and raw pixels, and measure only the model."),
    token: choice("What to take from the block; default: meanPatches.", ["meanPatches", "cls"]),
  },
  examples: [
    ["knn --checkpoint runs/quickstart", "on the run's images"],
    ["knn --checkpoint beit.pth --data data/imagenet --json", "a published model, as JSON"],
  ],
  async run({ flags }, context) {
    const { neighbours, temperature, layer, token, noBaselines } = flags;
    const { options, close } = inferenceOptions(flags);
    const communicator = await context.job.join(flags);
    try {
      const { knn } = await import("../../tasks/knn.ts");
      const result = await knn({
        ...options,
        communicator,
        neighbours: neighbours.length === 0 ? undefined : neighbours,
        temperature,
        layer,
        token,
        baselines: !noBaselines,
      });
      if (communicator.rank > 0) return;
      if (flags.json) return context.printJson(result);
      for (const line of describe(result)) context.print(line);
      context.print(
        `${
          metricName(`layer${result.layer}.${result.token}`)
        }: ${result.testImages} test images against ` +
          `${result.trainImages}, ${result.classes} classes`,
      );
    } finally {
      close();
    }
  },
});
