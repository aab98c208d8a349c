/**
 * Training steps of BEiT v2 (encoder, aggregation, both losses, backward, AdamW with clipping) on the
 * `cpu` backend and in PyTorch, in turns, from the same weights and inputs.
 *
 *     deno task bench step <model> [batch 8] [threads 2] [provider auto] [rounds 5] [python3] [precision float32]
 *
 * With `bfloat16` PyTorch runs under autocast, and the first losses must agree to 1 %.
 *
 * Models: see `_step_models.ts`. The first losses must agree to 1e-4.
 *
 * @module
 */

import { type CpuBackendOptions, createCpuBackend } from "../../backends/cpu/mod.ts";
import { adamW } from "../../backends/ops/adam_w.ts";
import { valueAndGradients } from "../../backends/ops/value_and_gradients.ts";
import { Parameter } from "../../backends/parameter.ts";
import { writeSafetensors } from "../../checkpoints/safetensors_writer.ts";
import { Generator } from "../../core/generator.ts";
import { tf } from "../../deps/tfjs.ts";
import { gridSize } from "../../models/beit_config.ts";
import { initialiseBeit } from "../../models/initialise.ts";
import { MaskedImageModel } from "../../models/masked_image_model.ts";
import { relativePositionIndex } from "../../models/relative_position.ts";
import { Peer } from "./_peer.ts";
import { median } from "../../core/median.ts";
import { calm, compare, keep } from "../_report.ts";
import { stepModels } from "./_step_models.ts";

const [name, batchText, threadsText, provider, roundsText, python, precisionText] = Deno.args;
const config = stepModels[name];
if (config === undefined) throw new Error(`Choose one of ${Object.keys(stepModels).join(", ")}`);
const batch = Number(batchText ?? 8);
const threads = Number(threadsText ?? 2);
const rounds = Number(roundsText ?? 5);
const maskedShare = 0.38;

const side = gridSize(config);
const patches = side * side;
const random = Generator.from(7);

function makeInputs() {
  const images = new Float32Array(batch * 3 * config.imageSize ** 2);
  for (let index = 0; index < images.length; index++) images[index] = random.normal();
  const mask = new Float32Array(batch * patches);
  const positions: number[] = [];
  const masked = Math.floor(patches * maskedShare);
  for (let row = 0; row < batch * patches; row++) {
    if (row % patches >= masked) continue;
    mask[row] = 1;
    positions.push(row);
  }
  const targets = positions.map(() => random.integer(0, config.codes - 1));
  return { images, mask, positions, targets };
}

const options = { threads, provider: (provider ?? "auto") as CpuBackendOptions["provider"] };
const backend = await createCpuBackend(options);
const precision = precisionText === "bfloat16" ? "bfloat16" : "float32";
const on = { backend, precision } as const;
const inputs = makeInputs();
const model = backend.run(() =>
  MaskedImageModel.create(on, config, initialiseBeit(config, random))
);
const parameters = [...model.parameters].filter(({ isTrainable }) => isTrainable);
const zeros = () =>
  backend.run(() => parameters.map((p) => new Parameter(p.name, tf.keep(tf.zeros(p.shape)))));
const state = {
  parameters,
  firstMoments: zeros(),
  secondMoments: zeros(),
  scaler: backend.run(() => new Parameter("scaler", tf.keep(tf.tensor1d([1, 0, 0, 0])))),
};

function step(): number {
  return backend.run(() => {
    const images = tf.tensor(inputs.images, [batch, 3, config.imageSize, config.imageSize]);
    const mask = tf.tensor(inputs.mask, [batch, patches]);
    const positions = tf.tensor1d(inputs.positions, "int32");
    const targets = tf.tensor1d(inputs.targets, "int32");
    const { loss, gradients } = valueAndGradients(on, parameters, () => {
      const encoded = model.encode(on, images, { mask, dropPath: null });
      return { loss: model.loss(on, { ...encoded, positions, targets }).loss, outputs: {} };
    });
    const report = adamW(on, state, gradients, {
      learningRates: parameters.map(() => 1e-3),
      weightDecays: parameters.map(() => 0.05),
      beta1: 0.9,
      beta2: 0.98,
      epsilon: 1e-8,
      maxGradientNorm: 3,
      growthInterval: null,
    });
    const value = loss.dataSync()[0];
    tf.dispose([images, mask, positions, targets, loss, report, ...gradients]);
    return value;
  });
}

async function startPeer(): Promise<Peer> {
  const weights = await Deno.makeTempFile({ suffix: ".safetensors" });
  const relative = relativePositionIndex(side, side);
  const tokens = patches + 1;
  const tensors: [string, { shape: number[]; data: Float32Array | Int32Array }][] = [
    ...parameters.map(({ name, shape, value }) =>
      [name, { shape, data: value.dataSync() as Float32Array }] as [
        string,
        { shape: number[]; data: Float32Array },
      ]
    ),
    ["input.images", {
      shape: [batch, 3, config.imageSize, config.imageSize],
      data: inputs.images,
    }],
    ["input.mask", { shape: [batch, patches], data: inputs.mask }],
    ["input.positions", {
      shape: [inputs.positions.length],
      data: Int32Array.from(inputs.positions),
    }],
    ["input.targets", { shape: [inputs.targets.length], data: Int32Array.from(inputs.targets) }],
    ["input.relative", { shape: [tokens, tokens], data: relative }],
  ];
  await writeSafetensors(
    weights,
    tensors.map(([name, { shape, data }]) => [
      name,
      { dtype: data instanceof Int32Array ? "I32" : "F32", shape, data },
    ]) as never,
  );
  const peer = new Peer(python ?? "python3");
  const about = await peer.ask({ do: "load", weights, config, threads, precision });
  await Deno.remove(weights);
  console.log(JSON.stringify(about));
  return peer;
}

const peer = await startPeer();
const warm = await peer.ask<{ loss: number }>({ do: "step", count: 1 });
const firstLoss = step();
console.log(`first loss: ours ${firstLoss}, PyTorch ${warm.loss}`);
const tolerance = precision === "float32" ? 1e-4 : 1e-2;
if (Math.abs(firstLoss - warm.loss) > tolerance * warm.loss) throw new Error("The losses differ");
const ours: number[] = [];
const theirs: number[] = [];
step();
const { peakBytes: peakOfFirstSteps } = backend.memory();
for (let round = 0; round < rounds; round++) {
  await calm();
  const start = performance.now();
  step();
  ours.push((performance.now() - start) / 1000);
  await calm();
  theirs.push(...(await peer.ask<{ seconds: number[] }>({ do: "step", count: 1 })).seconds);
}
const { bytes: peakBytes } = await peer.ask<{ bytes: number }>({ do: "peak" });
const peakOfOurs = Deno.memoryUsage().rss;
await peer.close();
const result = {
  model: name,
  batch,
  threads,
  precision,
  provider: backend.capabilities.description,
  imagesPerSecond: { ours: batch / median(ours), pytorch: batch / median(theirs) },
  ...compare(ours, theirs),
  seconds: { ours, pytorch: theirs },
  /** The most bytes of tensors at once: no more after all rounds than after two steps. */
  peakTensorBytes: { twoSteps: peakOfFirstSteps, allSteps: backend.memory().peakBytes },
  residentBytes: { ours: peakOfOurs, pytorchPeak: peakBytes },
};
const { seconds: _times, ...summary } = result;
console.log(JSON.stringify(summary, null, 2));
await keep(`cpu_step_${name}_${batch}_${options.provider}_${threads}_${precision}`, result);
await backend.dispose();
