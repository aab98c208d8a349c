/**
 * Pretraining steps of BEiT v2 (tokenizer, encoder, aggregation, both losses, backward, AdamW with
 * clipping) on the `webgpu` backend: our kernels and tfjs' own in turns on one device, from the same
 * weights and inputs. Prints dispatches, times and bytes.
 *
 *     deno run -A bench/webgpu/step.ts <model> [batch 2] [float32|float16] [rounds 5] [ours|both]
 *
 * Models: see `../cpu/_step_models.ts`; vit_b has a full-size tokenizer beside it, the others none.
 *
 * @module
 */

import type { Backend, Precision } from "../../backends/backend.ts";
import { adamW } from "../../backends/ops/adam_w.ts";
import { valueAndGradients } from "../../backends/ops/value_and_gradients.ts";
import { Parameter } from "../../backends/parameter.ts";
import { createWebgpuBackend } from "../../backends/webgpu/mod.ts";
import { Generator } from "../../core/generator.ts";
import { type Tensor, tf } from "../../deps/tfjs.ts";
import { gridSize } from "../../models/beit_config.ts";
import { initialiseBeit, initialisePlain } from "../../models/initialise.ts";
import { MaskedImageModel } from "../../models/masked_image_model.ts";
import { vqkdBase } from "../../models/vqkd_config.ts";
import { VqkdTokenizer } from "../../models/vqkd_tokenizer.ts";
import { keep, median } from "../cpu/_report.ts";
import { stepModels } from "../cpu/_step_models.ts";

const [name, batchText, precisionText, roundsText, who] = Deno.args;
const config = stepModels[name];
if (config === undefined) throw new Error(`Choose one of ${Object.keys(stepModels).join(", ")}`);
const batch = Number(batchText ?? 2);
const precision = (precisionText ?? "float32") as Precision;
const rounds = Number(roundsText ?? 5);
const patches = gridSize(config) ** 2;

/** A model with its optimizer state on one backend, and how to make a step. */
class Trainee {
  readonly #on;
  readonly #model: MaskedImageModel;
  readonly #tokenizer: VqkdTokenizer | null;
  readonly #parameters: Parameter[];
  readonly #moments: Parameter[][];
  readonly #scaler: Parameter;

  constructor(backend: Backend, precision: Precision) {
    const on = { backend, precision };
    this.#on = on;
    const random = Generator.from(7);
    this.#model = MaskedImageModel.create(on, config, initialiseBeit(config, random));
    const patchInputs = 3 * vqkdBase.patchSize ** 2;
    this.#tokenizer = name === "vit_b"
      ? VqkdTokenizer.create(
        on,
        vqkdBase,
        initialisePlain(random, { "": 0, "encoder.": patchInputs, "decoder.": vqkdBase.codeDim }),
      )
      : null;
    this.#parameters = [...this.#model.parameters].filter(({ isTrainable }) => isTrainable);
    const zeros = () => this.#parameters.map((p) => new Parameter(p.name, tf.zeros(p.shape)));
    this.#moments = backend.run(() => [zeros(), zeros()]);
    const scale = precision === "float16" ? 65536 : 1;
    this.#scaler = backend.run(() => new Parameter("scaler", tf.tensor1d([scale, 0, 0, 0])));
  }

  /** Records a step; the loss is on the device. */
  step(): Tensor {
    return this.#on.backend.run(() => tf.tidy(() => this.#run()));
  }

  #run(): Tensor {
    const random = Generator.from(11);
    const size = config.imageSize;
    const pixels = Float32Array.from({ length: batch * 3 * size ** 2 }, () => random.normal());
    const images = tf.tensor(pixels, [batch, 3, size, size]);
    const masked = Math.floor(patches * 0.4);
    const rows = Array.from({ length: batch * patches }, (_, row) => row)
      .filter((row) => row % patches < masked);
    const mask = tf.tensor(maskOf(masked), [batch, patches]);
    const positions = tf.tensor1d(rows, "int32");
    const ids = this.#tokenizer?.encode(this.#on, images) ??
      tf.tensor1d(
        Array.from({ length: batch * patches }, () => random.integer(0, config.codes - 1)),
        "int32",
      );
    const targets = tf.gather(ids, positions);
    const { loss, gradients } = valueAndGradients(this.#on, this.#parameters, () => {
      const encoded = this.#model.encode(this.#on, images, {
        mask,
        dropPath: random.split("dropPath"),
      });
      const { loss } = this.#model.loss(this.#on, { ...encoded, positions, targets });
      return { loss, outputs: {} };
    }, tf.reshape(tf.slice(this.#scaler.value, 0, 1), []));
    adamW(this.#on, this.#state(), gradients, {
      learningRates: this.#parameters.map(() => 1e-3),
      weightDecays: this.#parameters.map(() => 0.05),
      beta1: 0.9,
      beta2: 0.98,
      epsilon: 1e-8,
      maxGradientNorm: 3,
      growthInterval: precision === "float16" ? 2000 : null,
    });
    return loss;
  }

  #state() {
    const [firstMoments, secondMoments] = this.#moments;
    return { parameters: this.#parameters, firstMoments, secondMoments, scaler: this.#scaler };
  }
}

function maskOf(masked: number): Float32Array {
  return Float32Array.from(
    { length: batch * patches },
    (_, row) => row % patches < masked ? 1 : 0,
  );
}

const device = await createWebgpuBackend();
/** The same device without our kernels. */
const stock: Backend = {
  name: "tfjs",
  capabilities: device.capabilities,
  kernels: {},
  run: (work) => device.run(work),
  sync: () => device.sync(),
  memory: () => device.memory(),
  dispose: () => Promise.resolve(),
};

interface Measured {
  readonly seconds: number[];
  readonly losses: number[];
  dispatches: number;
}

async function measureStep(trainee: Trainee, into: Measured): Promise<void> {
  const [before, start] = [device.dispatches, performance.now()];
  const loss = trainee.step();
  into.losses.push((await loss.data())[0]);
  into.seconds.push((performance.now() - start) / 1000);
  into.dispatches = device.dispatches - before;
  loss.dispose();
}

const ours = new Trainee(device, precision);
const theirs = who === "ours" ? null : new Trainee(stock, "float32");
const results: Record<string, Measured> = {
  ours: { seconds: [], losses: [], dispatches: 0 },
  ...(theirs === null ? {} : { tfjs: { seconds: [], losses: [], dispatches: 0 } }),
};
const peaks: number[] = [];
for (let round = 0; round <= rounds; round++) {
  await measureStep(ours, results.ours);
  peaks.push(device.memory().reservedBytes);
  if (theirs !== null) await measureStep(theirs, results.tfjs);
}
const summary = Object.fromEntries(
  Object.entries(results).map(([who, { seconds, losses, dispatches }]) => [who, {
    dispatches,
    seconds: median(seconds.slice(1)),
    firstSeconds: seconds[0],
    losses,
  }]),
);
const result = {
  adapter: device.capabilities.description,
  model: name,
  batch,
  precision,
  ...summary,
  ratio: theirs === null
    ? null
    : median(results.tfjs.seconds.slice(1)) / median(results.ours.seconds.slice(1)),
  reservedBytes: peaks,
};
console.log(JSON.stringify(result, null, 2));
await keep(`webgpu_step_${name}_${precision}${theirs === null ? "_ours" : ""}`, result);
await device.dispose();
