/** A model to pretrain, with its optimizer and inputs, for the benchmarks. */

import type { Backend, Precision } from "../backends/backend.ts";
import { adamW } from "../backends/ops/adam_w.ts";
import { valueAndGradients } from "../backends/ops/value_and_gradients.ts";
import { Parameter } from "../backends/parameter.ts";
import { Generator } from "../core/generator.ts";
import { type Tensor, tf } from "../deps/tfjs.ts";
import { type BeitConfig, gridSize } from "../models/beit_config.ts";
import { initialiseBeit, initialisePlain } from "../models/initialise.ts";
import { MaskedImageModel } from "../models/masked_image_model.ts";
import { vqkdBase } from "../models/vqkd_config.ts";
import { VqkdTokenizer } from "../models/vqkd_tokenizer.ts";

/** What is trained and how. */
export interface TraineeOptions {
  readonly config: BeitConfig;
  readonly batch: number;
  readonly precision: Precision;
  /** Whether the full-size tokenizer gives the targets; otherwise they are drawn. */
  readonly hasTokenizer?: boolean;
  /** Blocks that keep only their input. */
  readonly recompute?: number;
}

/** A model with its optimizer state on one backend, and how to make a step. */
export class Trainee {
  /** Numbers in the trained parameters. */
  readonly parameterCount: number;
  readonly #on;
  readonly #options: TraineeOptions;
  readonly #model: MaskedImageModel;
  readonly #tokenizer: VqkdTokenizer | null;
  readonly #parameters: Parameter[];
  readonly #moments: Parameter[][];
  readonly #scaler: Parameter;

  constructor(backend: Backend, options: TraineeOptions) {
    const { config, precision } = options;
    this.#options = options;
    const on = { backend, precision };
    this.#on = on;
    const random = Generator.from(7);
    this.#model = MaskedImageModel.create(on, config, initialiseBeit(config, random));
    const patchInputs = 3 * vqkdBase.patchSize ** 2;
    this.#tokenizer = options.hasTokenizer
      ? VqkdTokenizer.create(
        on,
        vqkdBase,
        initialisePlain(random, { "": 0, "encoder.": patchInputs, "decoder.": vqkdBase.codeDim }),
      )
      : null;
    this.#parameters = this.#model.parameters.trainable;
    this.parameterCount = this.#model.parameters.count;
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
    const { config, batch, precision, recompute } = this.#options;
    const patches = gridSize(config) ** 2;
    const random = Generator.from(11);
    const size = config.imageSize;
    const pixels = Float32Array.from({ length: batch * 3 * size ** 2 }, () => random.normal());
    const images = tf.tensor(pixels, [batch, 3, size, size]);
    const masked = Math.floor(patches * 0.4);
    const rows = Array.from({ length: batch * patches }, (_, row) => row)
      .filter((row) => row % patches < masked);
    const mask = tf.tensor2d(
      Float32Array.from({ length: batch * patches }, (_, row) => row % patches < masked ? 1 : 0),
      [batch, patches],
    );
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
        dropPath: { generator: random.split("dropPath"), first: 0 },
        recompute,
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

  dispose(): void {
    this.#model.dispose();
    this.#tokenizer?.dispose();
    for (const state of [this.#scaler, ...this.#moments.flat()]) state.dispose();
  }

  #state() {
    const [firstMoments, secondMoments] = this.#moments;
    return { parameters: this.#parameters, firstMoments, secondMoments, scaler: this.#scaler };
  }
}
