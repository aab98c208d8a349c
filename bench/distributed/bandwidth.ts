/**
 * What network a data-parallel run needs, computed from a recipe.
 *
 *     deno run -A bench/distributed/bandwidth.ts [images a second of one rank, 500] [recipe]
 *
 * A ring all-reduce of b bytes over n ranks has each of them send and receive 2·(n − 1)/n·b. The step's
 * computation takes the rank's images by its speed; two thirds of it are the backward pass, behind which
 * messages can hide on backends that hand out gradients early. Prints Markdown, as docs/distributed.md
 * has it.
 *
 * @module
 */

import { resolveConfig } from "../../methods/configs.ts";
import { pretrainFootprint } from "../../methods/beit/plan.ts";

const [speed = "500", recipe = "beitv2_vit-base-p16_8xb256-amp-coslr-300e_in1k"] = Deno.args;
const { config } = await resolveConfig({ task: "pretrain", recipe });
const { parameters } = pretrainFootprint(config, 0);

/** Share of a step that its messages may add. */
const share = 0.1;

console.log(
  `${recipe}: ${(parameters / 1e6).toFixed(1)} million parameters, ` +
    `${(4 * parameters / 1e6).toFixed(0)} MB of gradients, a batch of ${config.batchSize}, ` +
    `${speed} images a second on each rank.\n`,
);
console.log(
  "| ranks | images per rank | compute | sent per rank, float32 | needed for 10 % | " +
    "needed if overlapped | with float16 |",
);
console.log("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
for (const ranks of [8, 64, 512]) {
  const images = config.batchSize / ranks;
  const seconds = images / Number(speed);
  const bytes = 2 * (ranks - 1) / ranks * 4 * parameters;
  const gigabits = (available: number) => Number((8 * bytes / available / 1e9).toPrecision(2));
  const afterwards = share * seconds;
  console.log(
    `| ${ranks} | ${images} | ${seconds.toPrecision(3)} s | ${(bytes / 1e6).toFixed(0)} MB | ` +
      `${gigabits(afterwards)} Gbit/s | ${gigabits(2 / 3 * seconds + afterwards)} Gbit/s | ` +
      `${gigabits(2 * afterwards)} Gbit/s |`,
  );
}
