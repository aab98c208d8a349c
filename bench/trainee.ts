/** A model to pretrain, with its optimizer and inputs, for the benchmarks. */

import type { Backend, Context, Precision } from "../backends/backend.ts";
import { adamW } from "../backends/ops/adam_w.ts";
import { valueAndGradients } from "../backends/value_and_gradients.ts";
import { Parameter } from "../backends/parameter.ts";
import { Generator } from "../core/generator.ts";
import { type Tensor, tf } from "../deps/tfjs.ts";
import { type BeitConfig, gridSize } from "../models/beit_config.ts";
import { initialiseBeit } from "../models/initialise.ts";
import { MaskedImageModel, maskedPositions } from "../models/masked_image_model.ts";
import type { VqkdTokenizer } from "../models/vqkd_tokenizer.ts";

/** What is trained and how. */
export interface TraineeOptions {
  readonly config: BeitConfig;
  readonly batch: number;
  readonly precision: Precision;
  /** What provides the targets, see `step_models.ts`; without one they are drawn. Owned by the caller. */
  readonly tokenizer?: VqkdTokenizer | null;
  /** Blocks that keep only their input. */
  readonly recompute?: number;
}

/** A model with its optimizer state on one backend, and how to make a step. */
export class Trainee {
  readonly #on: Context;
  readonly #options: TraineeOptions;
  readonly #model: MaskedImageModel;
  readonly #parameters: Parameter[];
  readonly #moments: Parameter[][];
  readonly #scaler: Parameter;
  readonly #inputs: Inputs;
  readonly #mask: Uint8Array;

  constructor(backend: Backend, options: TraineeOptions) {
    const { config, precision } = options;
    this.#options = options;
    this.#on = { backend, precision };
    const initialise = initialiseBeit(config, Generator.from(7));
    this.#model = MaskedImageModel.create(this.#on, config, initialise);
    this.#parameters = this.#model.parameters.trainable;
    const zeros = () => this.#parameters.map((p) => new Parameter(p.name, tf.zeros(p.shape)));
    this.#moments = backend.run(() => [zeros(), zeros()]);
    const scale = precision === "float16" ? 65536 : 1;
    this.#scaler = backend.run(() => new Parameter("scaler", tf.tensor1d([scale, 0, 0, 0])));
    this.#mask = maskFirst(config, options.batch);
    this.#inputs = backend.run(() => drawInputs(config, this.#mask));
  }

  /** What is trained, the tokenizer as `tokenizer.*`, and the inputs of every step, `input.*`. */
  get tensors(): Record<string, Tensor> {
    const { tokenizer } = this.#options;
    const named = (parameters: Iterable<Parameter>, prefix: string) =>
      Array.from(parameters, ({ name, value }) => [prefix + name, value] as const);
    const inputs = Object.entries(this.#inputs).map(([name, value]) =>
      [`input.${name}`, value] as const
    );
    return Object.fromEntries([
      ...named(this.#parameters, ""),
      ...named(tokenizer?.parameters ?? [], "tokenizer."),
      ...inputs,
    ]);
  }

  /** The codes of all patches, int32 [B·N]; null without a tokenizer. */
  tokenize(): Tensor | null {
    const { tokenizer } = this.#options;
    const { images } = this.#inputs;
    return tokenizer ? this.#on.backend.run(() => tokenizer.encode(this.#on, images)) : null;
  }

  /** Records a step; the loss is on the device. */
  step(): Tensor {
    return this.#on.backend.run(() => tf.tidy(() => this.#run()));
  }

  #run(): Tensor {
    const { precision, recompute } = this.#options;
    const { images, positions } = this.#inputs;
    const random = Generator.from(11);
    const ids = this.tokenize();
    const targets = ids === null ? this.#inputs.targets : tf.gather(ids, positions);
    const { loss, gradients } = valueAndGradients(this.#on, this.#parameters, () => {
      const encoded = this.#model.encode(this.#on, images, {
        mask: this.#mask,
        dropPath: { generator: random.split("dropPath"), first: 0 },
        recompute,
      });
      const { loss } = this.#model.loss(this.#on, { ...encoded, targets });
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
    for (const state of [this.#scaler, ...this.#moments.flat()]) state.dispose();
    tf.dispose(Object.values(this.#inputs));
  }

  #state() {
    const [firstMoments, secondMoments] = this.#moments;
    return { parameters: this.#parameters, firstMoments, secondMoments, scaler: this.#scaler };
  }
}

/** What a step is given: images, mask, rows of the masked patches and their codes. */
type Inputs = Readonly<Record<"images" | "mask" | "positions" | "targets", Tensor>>;

/** Patches of an image that are masked. */
export function maskedPatches(config: Parameters<typeof gridSize>[0]): number {
  return Math.floor(gridSize(config) ** 2 * 0.4);
}

/** 1 for the first of each image's patches, [B, N]. */
function maskFirst(config: BeitConfig, batch: number): Uint8Array {
  const patches = gridSize(config) ** 2;
  const masked = maskedPatches(config);
  return Uint8Array.from({ length: batch * patches }, (_, row) => row % patches < masked ? 1 : 0);
}

function drawInputs(config: BeitConfig, mask: Uint8Array): Inputs {
  const { imageSize, codes } = config;
  const random = Generator.from(11);
  const patches = gridSize(config) ** 2;
  const batch = mask.length / patches;
  const pixels = Float32Array.from({ length: batch * 3 * imageSize ** 2 }, () => random.normal());
  const positions = maskedPositions(mask);
  const targets = Int32Array.from(positions, () => random.integer(0, codes - 1));
  return {
    images: tf.tensor(pixels, [batch, 3, imageSize, imageSize]),
    mask: tf.tensor2d(Float32Array.from(mask), [batch, patches]),
    positions: tf.tensor1d(positions, "int32"),
    targets: tf.tensor1d(targets, "int32"),
  };
}
