import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import { Tape } from "../../backends/tfjs/tape.ts";
import { modelOfTensors } from "../../checkpoints/open_model.ts";
import type { TensorMap } from "../../checkpoints/tensors/tensor_data.ts";
import { createEncoderTeacher } from "../../methods/vqkd/teachers/encoder_teacher.ts";
import { initialiseFrom, type NamedValues } from "../../models/parameter_set.ts";
import { sphericalKMeans } from "../../models/spherical_k_means.ts";
import type { EncoderTeacher } from "../../models/teachers/encoder_teacher.ts";
import { normaliseChannels } from "../../models/teachers/normalise_channels.ts";
import { clipStatistics, imagenetStatistics } from "../../models/teachers/teacher.ts";
import type { VqkdConfig } from "../../models/vqkd_config.ts";
import { toTokenizerRange, type VqkdOutput, VqkdTokenizer } from "../../models/vqkd_tokenizer.ts";
import { Optimizer } from "../../pipeline/optimize/optimizer.ts";
import { parameterGroups } from "../../pipeline/optimize/parameter_groups.ts";
import type { Comparison } from "./comparison.ts";
import { type Fixture, nameGradients, readBack, takeGradients } from "./fixture.ts";

interface VqkdSettings {
  readonly config: {
    readonly img: number;
    readonly patch: number;
    readonly dim: number;
    readonly heads: number;
    readonly depth: number;
    readonly dec_depth: number;
    readonly n_code: number;
    readonly code_dim: number;
    readonly out: number;
    readonly decay: number;
    readonly teacher: "clip" | "dino";
    readonly th: number;
  };
  readonly optimizer: {
    readonly betas: readonly [number, number];
    readonly eps: number;
    readonly weight_decay: number;
  };
  readonly no_decay: readonly string[];
  readonly steps: readonly {
    readonly lr: number;
    readonly loss: number;
    readonly rec_loss: number;
    readonly quant_loss: number;
    readonly grad_norm: number;
  }[];
}

/** What one comparison works with. */
interface Subject {
  readonly comparison: Comparison;
  readonly on: Context;
  readonly fixture: Fixture;
  readonly settings: VqkdSettings;
  readonly teacher: EncoderTeacher;
}

function configOf({ config }: VqkdSettings): VqkdConfig {
  return {
    imageSize: config.img,
    patchSize: config.patch,
    embedDim: config.dim,
    depth: config.depth,
    heads: config.heads,
    mlpRatio: 4,
    decoderDepth: config.dec_depth,
    codes: config.n_code,
    codeDim: config.code_dim,
    teacherDim: config.out,
    decay: config.decay,
    quantizationWeight: 1,
  };
}

function createTokenizer({ on, fixture, settings }: Subject): VqkdTokenizer {
  const values = fixture.below("param.");
  // Only ours; zero at the start.
  const idle: NamedValues = {
    shape: [settings.config.n_code],
    values: new Float32Array(settings.config.n_code),
  };
  values.set("quantize.idle_steps", idle);
  const initialise = initialiseFrom(values, null);
  return VqkdTokenizer.create(on, configOf(settings), initialise);
}

/** One training forward pass on the images `name`, with the codebook update. */
function trainingPass(subject: Subject, tokenizer: VqkdTokenizer, name: string): VqkdOutput {
  const on = subject.on;
  const images01 = subject.fixture.tensor(name);
  const targets = subject.teacher.targets(on, { images01 });
  const output = tokenizer.forward(on, toTokenizerRange(images01), targets);
  tokenizer.codebook.update(on, tokenizer.codebook.statistics(on, output.z, output.ids));
  return output;
}

/** [B·N, D] row by row → [B, D, h, w]. */
function toChannelsFirst(quantized: Tensor, batch: number, side: number): Tensor {
  const grid = tf.reshape(quantized, [batch, side, side, quantized.shape[1]!]);
  return tf.transpose(grid, [0, 3, 1, 2]);
}

async function compareForward(subject: Subject): Promise<void> {
  const { comparison, on, fixture, settings, teacher } = subject;
  const tokenizer = createTokenizer(subject);
  const trainable = tokenizer.parameters.trainable;
  const found = await readBack<string>(on.backend, () => {
    const tape = Tape.open();
    try {
      const images01 = fixture.tensor("input.images01");
      const output = trainingPass(subject, tokenizer, "input.images01");
      const gradients = takeGradients(on, tape, output.loss, trainable);
      const statistics = settings.config.teacher === "clip" ? clipStatistics : imagenetStatistics;
      const side = settings.config.img / settings.config.patch;
      return {
        preprocessed: toTokenizerRange(images01),
        teacher_input: normaliseChannels(images01, statistics),
        teacher_target: teacher.targets(on, { images01 }),
        encoder_features: output.features,
        to_quantizer_features: output.projected,
        ids: output.ids,
        quantized_bchw: toChannelsFirst(output.quantized, images01.shape[0], side),
        decoder_features: output.decoded,
        rec: output.reconstruction,
        rec_loss: output.reconstructionLoss,
        quant_loss: output.quantizationLoss,
        loss: output.loss,
        ...nameGradients(trainable.map(({ name }) => name), gradients),
      };
    } finally {
      tape.close();
    }
  });
  for (const [name, golden] of fixture.below("out.")) {
    if (name.startsWith("eval_")) continue;
    const tolerance = name === "ids" ? "exact" : name.endsWith("loss") ? "loss" : "activation";
    if (found[name] === undefined) comparison.fail(name, "not computed");
    else comparison.check(name, found[name], golden.values, tolerance);
  }
  const gradients = [...fixture.below("grad.")].map(([name, golden]) =>
    [name, found[`gradient:${name}`] ?? [], golden.values] as const
  );
  comparison.checkAll("gradients", gradients, "gradient");
  await compareCodebook(subject, tokenizer, "ema1");
  const second = await readBack(on.backend, () => {
    return { loss: trainingPass(subject, tokenizer, "ema2.images01").loss };
  });
  comparison.check("ema2.loss", second.loss, fixture.values("ema2.loss"), "loss");
  await compareCodebook(subject, tokenizer, "ema2");
  tokenizer.dispose();
}

async function compareCodebook(
  { comparison, fixture }: Subject,
  tokenizer: VqkdTokenizer,
  prefix: string,
): Promise<void> {
  const state = await tokenizer.parameters.export();
  const check = (golden: string, name: string) => {
    const { values } = state.get(name)!;
    comparison.check(
      `${prefix}.${golden}`,
      values,
      fixture.values(`${prefix}.${golden}`),
      "codebook",
    );
  };
  check("codebook", "quantize.embedding.weight");
  check("cluster_size", "quantize.cluster_size");
}

/** In evaluation, the reference counts uses of the codes but does not change them. */
async function compareEvaluation(subject: Subject): Promise<void> {
  const { comparison, on, fixture } = subject;
  const name = "eval_cluster_size_after_1_encode";
  if (!fixture.has(`out.${name}`)) return;
  const tokenizer = createTokenizer(subject);
  on.backend.run(() =>
    tf.tidy(() => {
      const images = toTokenizerRange(fixture.tensor("input.images01"));
      const ids = tokenizer.encode(on, images);
      const { z } = tokenizer.project(on, images);
      tokenizer.codebook.countUses(tokenizer.codebook.statistics(on, z, ids));
    })
  );
  const state = await tokenizer.parameters.export();
  const { values } = state.get("quantize.cluster_size")!;
  comparison.check(name, values, fixture.values(`out.${name}`), "codebook");
  const codebook = state.get("quantize.embedding.weight")!.values;
  const before = fixture.values("param.quantize.embedding.weight");
  comparison.check("codebook after an encode", codebook, before, "exact");
  tokenizer.dispose();
}

async function compareSteps(subject: Subject): Promise<void> {
  const { comparison, on, fixture, settings } = subject;
  const tokenizer = createTokenizer(subject);
  const { optimizer: options, steps } = settings;
  const trainable = tokenizer.parameters.trainable;
  const groups = parameterGroups(trainable, {
    variant: "unilm",
    weightDecay: options.weight_decay,
  });
  for (const [name, { weightDecay }] of groups) {
    if ((weightDecay === 0) === settings.no_decay.includes(name)) continue;
    comparison.fail(`weight decay of ${name}`, `${weightDecay}, against the reference's list`);
  }
  const optimizer = Optimizer.create(on, trainable, groups, {
    beta1: options.betas[0],
    beta2: options.betas[1],
    epsilon: options.eps,
    maxGradientNorm: null,
    lossScaling: null,
  });
  for (const [index, golden] of steps.entries()) {
    const found = await readBack(on.backend, () => {
      const tape = Tape.open();
      try {
        const output = trainingPass(subject, tokenizer, `step${index + 1}.images01`);
        const { loss, reconstructionLoss, quantizationLoss } = output;
        const gradients = takeGradients(on, tape, loss, trainable);
        const update = optimizer.update(on, gradients, (scale) => scale * golden.lr);
        return { loss, reconstructionLoss, quantizationLoss, update };
      } finally {
        tape.close();
      }
    });
    const label = `step ${index + 1}`;
    comparison.check(`${label} loss`, found.loss, [golden.loss], "loss");
    const { reconstructionLoss, quantizationLoss } = found;
    comparison.check(`${label} rec_loss`, reconstructionLoss, [golden.rec_loss], "loss");
    comparison.check(`${label} quant_loss`, quantizationLoss, [golden.quant_loss], "loss");
    const norm = found.update[0];
    comparison.checkNumber(`${label} gradient norm`, norm, golden.grad_norm, "gradientNorm");
  }
  optimizer.dispose();
  const after = await tokenizer.parameters.export();
  const pairs = [...fixture.below(`after${steps.length}.`)].map(([name, golden]) =>
    [name, after.get(name)?.values ?? [], golden.values] as const
  );
  comparison.checkAll(`parameters after ${steps.length} steps`, pairs, "steppedParameter");
  tokenizer.dispose();
}

/** Initialising the codebook from given samples and rows. */
async function compareKMeans({ comparison, on, fixture }: Subject): Promise<void> {
  if (!fixture.has("kmeans.samples")) return;
  for (const iterations of [1, 10]) {
    const found = await readBack(on.backend, () => {
      const samples = fixture.tensor("kmeans.samples");
      const first = tf.gather(samples, fixture.integers("kmeans.init_indices") as never);
      return sphericalKMeans(on, samples, first, iterations);
    });
    const golden = (name: string) => fixture.values(`kmeans.${name}_iter${iterations}`);
    comparison.check(`kmeans.means_iter${iterations}`, found.means, golden("means"), "codebook");
    comparison.check(`kmeans.bins_iter${iterations}`, found.counts, golden("bins"), "exact");
  }
}

/** The teacher's own names and values. */
function tensorsOf(fixture: Fixture): TensorMap {
  return new Map(
    [...fixture.below("param.teacher_model.")].map(([name, { shape, values }]) => {
      const tensor = { dtype: "F32", shape, data: values } as const;
      return [name, { ...tensor, read: () => tensor }];
    }),
  );
}

/** `vqkd_*`: tokenizer, teacher, codes, gradients, EMA, optimizer steps and k-means. */
export async function compareVqkd(
  comparison: Comparison,
  on: Context,
  fixture: Fixture,
  json: unknown,
): Promise<void> {
  const settings = json as VqkdSettings;
  const { teacher: name, th: heads } = settings.config;
  const model = modelOfTensors(tensorsOf(fixture), name, { shape: { heads } });
  const teacher = await createEncoderTeacher(on, name, model, "the fixture");
  const subject = { comparison, on, fixture, settings, teacher };
  try {
    await compareForward(subject);
    await compareEvaluation(subject);
    await compareSteps(subject);
    await compareKMeans(subject);
  } finally {
    teacher.dispose();
  }
}
