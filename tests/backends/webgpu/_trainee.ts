/** A small BEiT v2 with its optimizer, to take steps with on any backend. @module */
import type { Backend, Precision } from "../../../backends/backend.ts";
import { adamW, type AdamWOptions } from "../../../backends/ops/adam_w.ts";
import { valueAndGradients } from "../../../backends/value_and_gradients.ts";
import { Parameter } from "../../../backends/parameter.ts";
import { Generator } from "../../../core/generator.ts";
import { type Tensor, tf } from "../../../deps/tfjs.ts";
import { type BeitConfig, gridSize, vitBase } from "../../../models/beit_config.ts";
import { initialiseBeit } from "../../../models/initialise.ts";
import { MaskedImageModel } from "../../../models/masked_image_model.ts";

/** Four blocks of 24 channels on 4 × 4 patches. */
export const smallConfig: BeitConfig = {
  ...vitBase,
  imageSize: 32,
  patchSize: 8,
  embedDim: 24,
  depth: 3,
  heads: 2,
  earlyLayers: 2,
  headLayers: 1,
  codes: 64,
};

/** The same backend without our kernels. */
export function withoutKernels(backend: Backend): Backend {
  return {
    name: "stock",
    capabilities: backend.capabilities,
    kernels: {},
    run: (work) => backend.run(work),
    sync: () => backend.sync(),
    memory: () => backend.memory(),
    dispose: () => Promise.resolve(),
  };
}

/** What else a {@link Trainee} may be told. */
export interface TraineeOptions {
  readonly config?: BeitConfig;
  /** Images of a step. */
  readonly batch?: number;
  /** Blocks that keep only their input. */
  readonly recompute?: number;
}

export class Trainee {
  readonly on;
  readonly parameters: Parameter[];
  readonly scaler: Parameter;
  readonly #config: BeitConfig;
  readonly #batch: number;
  readonly #recompute: number;
  readonly #model: MaskedImageModel;
  readonly #moments: Parameter[][];

  constructor(backend: Backend, precision: Precision = "float32", options: TraineeOptions = {}) {
    const { config = smallConfig } = options;
    this.on = { backend, precision };
    this.#config = config;
    this.#batch = options.batch ?? 2;
    this.#recompute = options.recompute ?? 0;
    const initialise = initialiseBeit(config, Generator.from(3));
    this.#model = MaskedImageModel.create(this.on, config, initialise);
    this.parameters = [...this.#model.parameters].filter(({ isTrainable }) => isTrainable);
    const zeros = () =>
      this.parameters.map(({ name, shape }) => new Parameter(name, tf.keep(tf.zeros(shape))));
    this.#moments = backend.run(() => [zeros(), zeros()]);
    const scale = precision === "float32" ? 1 : 65536;
    this.scaler = backend.run(() =>
      new Parameter("scaler", tf.keep(tf.tensor1d([scale, 0, 0, 0])))
    );
  }

  /** Loss and gradients of a batch that depends on `seed` only; the caller's to dispose. */
  gradients(seed: number): { loss: Tensor; gradients: Tensor[] } {
    return this.on.backend.run(() => tf.tidy(() => this.#gradients(seed) as never));
  }

  #gradients(seed: number) {
    const { imageSize, codes } = this.#config;
    const batch = this.#batch;
    const patches = gridSize(this.#config) ** 2;
    const random = Generator.from(seed);
    const isMasked = (row: number) => row % patches < 6;
    const rows = Array.from({ length: batch * patches }, (_, row) => row);
    const masked = rows.filter(isMasked);
    const pixels = { length: batch * 3 * imageSize ** 2 };
    const images = tf.tensor(
      Float32Array.from(pixels, () => random.normal()),
      [batch, 3, imageSize, imageSize],
    );
    const mask = Uint8Array.from(rows, (row) => +isMasked(row));
    const targets = tf.tensor1d(masked.map((row) => row * 7 % codes), "int32");
    const scale = tf.reshape(tf.slice(this.scaler.value, 0, 1), []);
    const { loss, gradients } = valueAndGradients(this.on, this.parameters, () => {
      const encoded = this.#model.encode(this.on, images, {
        mask,
        dropPath: { generator: random.split("drop"), first: 0 },
        recompute: this.#recompute,
      });
      const { loss } = this.#model.loss(this.on, { ...encoded, targets });
      return { loss, outputs: {} };
    }, scale);
    return { loss, gradients };
  }

  /** One update; → loss and AdamW's report. */
  async step(seed: number, options: Partial<AdamWOptions> = {}): Promise<number[]> {
    const { loss, gradients } = this.gradients(seed);
    const [firstMoments, secondMoments] = this.#moments;
    const state = { parameters: this.parameters, firstMoments, secondMoments, scaler: this.scaler };
    const report = this.on.backend.run(() =>
      tf.keep(adamW(this.on, state, gradients, {
        learningRates: this.parameters.map(() => 2e-3),
        weightDecays: this.parameters.map(() => 0.05),
        beta1: 0.9,
        beta2: 0.98,
        epsilon: 1e-8,
        maxGradientNorm: 3,
        growthInterval: this.on.precision === "float32" ? null : 2000,
        ...options,
      }))
    );
    const values = [...await loss.data(), ...await report.data()];
    tf.dispose([loss, report, ...gradients]);
    return values;
  }

  dispose(): void {
    this.#model.dispose();
    this.scaler.dispose();
    for (const moments of this.#moments) for (const moment of moments) moment.dispose();
  }
}
