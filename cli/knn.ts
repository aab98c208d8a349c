/** `knn`: nearest neighbours of frozen features. */
import { choice, defineCommand, integer, number, repeated } from "./_command.ts";
import { jobFlags } from "./_job.ts";
import { inferenceOptions, labelledDataFlags, modelFlags, percent } from "./_model_flags.ts";

/** Measures k-NN accuracy. */
export const knn = defineCommand({
  name: "knn",
  summary: "Measure the k-NN accuracy of a model's features",
  description: "Classifies test images by the nearest training images: cosine similarity, votes " +
    "weighted by exp(similarity / temperature). Nothing is trained.\n\n" +
    "An image is represented by the mean of its patch tokens after the last block: BEiT v2 trains " +
    "its cls token for the prediction of codes only.",
  flags: {
    ...modelFlags,
    ...jobFlags,
    ...labelledDataFlags,
    neighbours: repeated(integer(
      "Neighbours that vote; the first is the headline. Default 20, 10, 100 and 200.",
      { minimum: 1, short: "k" },
    )),
    temperature: number("Votes weigh exp(similarity / X); default 0.07."),
    layer: integer("Block, from 0, or from the end with -1; default the last."),
    token: choice("What of the block; default meanPatches.", ["meanPatches", "cls"]),
  },
  examples: [
    ["knn --checkpoint runs/quickstart", "on the images of the run"],
    ["knn --checkpoint beit.pth --data data/imagenet --json", "a published model, as JSON"],
  ],
  async run({ flags }, context) {
    const { neighbours, temperature, layer, token } = flags;
    const { options, close } = inferenceOptions(flags);
    const communicator = await context.job.join(flags);
    try {
      const { knn } = await import("../tasks/inference/knn.ts");
      const result = await knn({
        ...options,
        communicator,
        neighbours: neighbours.length === 0 ? undefined : neighbours,
        temperature,
        layer,
        token,
      });
      if (communicator.rank > 0) return;
      if (flags.json) return context.printJson(result);
      for (const { k, top1, top5 } of result.results) {
        context.print(`k ${String(k).padStart(3)}  top-1 ${percent(top1)}  top-5 ${percent(top5)}`);
      }
      context.print(
        `${result.token} of layer ${result.layer}, ${result.testImages} test images against ` +
          `${result.trainImages}, ${result.classes} classes`,
      );
    } finally {
      close();
    }
  },
});
