/**
 * One rank of `scaling.ts`: a few pretraining steps with the full trainer. Rank 0 prints how many seconds
 * each step took, and how many of them it spent waiting for other ranks.
 *
 *     _rank.ts TOKENIZER IMAGES_PER_RANK STEPS OVERLAP(true|false) WIRE
 */
import { resolveConfig } from "../../methods/configs.ts";
import { single } from "../../distributed/single.ts";
import { openCommunicator } from "../../distributed/mpi/open_communicator_ffi.ts";
import { gridSize } from "../../models/beit_config.ts";
import { pretrain } from "../../methods/beit/method.ts";
import { tf } from "../../deps/tfjs.ts";

const [tokenizer, images, steps, overlap, wire] = Deno.args;
const isApart = Deno.env.get("MIMIC_BENCH_APART") === "1";
const communicator = isApart ? single : await openCommunicator();
const { config } = await resolveConfig({
  task: "pretrain",
  overrides: [
    ...["imageSize=224", "patchSize=16", "embedDim=384", "heads=6", "depth=12", "mlpRatio=4"]
      .map((key) => `model.${key}`),
    ...["earlyLayers=9", "headLayers=2", "codes=8192"].map((key) => `model.${key}`),
    "mask.minBlock=16",
    "mask.ratio=0.4",
    `tokenizer.checkpoint=${tokenizer}`,
    `batchSize=${Number(images) * communicator.size}`,
    `microBatchSize=${images}`,
    `schedule.steps=${steps}`,
    `distributed.overlap=${overlap}`,
    `distributed.wire=${wire}`,
    "precision=float32",
    "backend.name=cpu",
    "backend.threads=1",
    "data.workers=0",
    "evaluation.knn.atEnd=false",
    "evaluation.linear.atEnd=false",
  ],
});
const tokens = gridSize(config.model as Parameters<typeof gridSize>[0]) ** 2;
const taken: { step: number; communicate: number }[] = [];
await pretrain(config, {
  communicator,
  directory: null,
  stages: {
    // The tokenizer is left out: it computes and says nothing to other ranks.
    tokenize: {
      name: "tokenize",
      run: (batch) => ({ ...batch, tokens: tf.zeros([batch.size * tokens], "int32") }),
    },
  },
  listener: (event) => {
    if (event.type !== "step") return;
    const { stepTime, stages } = event.metrics;
    taken.push({ step: stepTime, communicate: stages.communicate ?? 0 });
  },
});
if (communicator.rank === 0) console.log(JSON.stringify(taken));
await communicator.close();
