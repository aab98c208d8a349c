import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import { softTargetCrossEntropy } from "../../backends/ops/soft_target_cross_entropy.ts";
import { Tape } from "../../backends/tfjs/tape.ts";
import { mixImages, softLabels } from "../../data/augment/mix.ts";
import { vitBase } from "../../models/beit_config.ts";
import { Classifier } from "../../models/classifier.ts";
import { initialiseFrom } from "../../models/parameter_set.ts";
import { Optimizer } from "../../pipeline/optimize/optimizer.ts";
import { type ParameterGroup, parameterGroups } from "../../pipeline/optimize/parameter_groups.ts";
import type { Comparison } from "./comparison.ts";
import { type Fixture, nameGradients, readBack, takeGradients } from "./fixture.ts";
import { scheduleOf, type SchedulerConfig } from "./schedule.ts";

interface FinetuneSettings {
  readonly config: {
    readonly img: number;
    readonly patch: number;
    readonly dim: number;
    readonly depth: number;
    readonly heads: number;
    readonly K: number;
    readonly ls: number;
    readonly lam_mix: number;
  };
  readonly cutmix: {
    readonly box_y1y2x1x2: readonly [number, number, number, number];
    readonly lam_corrected: number;
  };
  readonly optimizer: {
    readonly lr: number;
    readonly betas: readonly [number, number];
    readonly eps: number;
    readonly weight_decay: number;
    readonly layer_decay_rate: number;
    readonly clip: number | null;
  };
  readonly schedule: readonly SchedulerConfig[];
  readonly steps: readonly {
    readonly batch: string;
    readonly loss: number;
    readonly lr: Readonly<Record<string, number>>;
  }[];
  readonly groups: readonly {
    readonly group: string;
    readonly lr_scale: number;
    readonly weight_decay: number;
    readonly names: readonly string[];
  }[];
}

/** What one comparison works with. */
interface Subject {
  readonly comparison: Comparison;
  readonly on: Context;
  readonly fixture: Fixture;
  readonly settings: FinetuneSettings;
  readonly model: Classifier;
}

function createModel(on: Context, fixture: Fixture, { config }: FinetuneSettings): Classifier {
  const isRelative = fixture.has("param.blocks.0.attn.relative_position_bias_table");
  const initialise = initialiseFrom(fixture.below("param."), null);
  return Classifier.create(on, {
    ...vitBase,
    imageSize: config.img,
    patchSize: config.patch,
    embedDim: config.dim,
    depth: config.depth,
    heads: config.heads,
    classes: config.K,
    layerScaleInitValue: config.ls,
    usesAbsolutePositions: fixture.has("param.pos_embed"),
    usesSharedRelativePositionBias: false,
    usesRelativePositionBias: isRelative,
    earlyLayers: 0,
    headLayers: 0,
  }, initialise);
}

/** From the reference's fine-tuning recipe; the fixtures' targets do not include it. */
const labelSmoothing = 0.1;

/** Labels [B] as one-hot rows [B, classes]. */
function oneHot(labels: Float32Array, classes: number): Tensor {
  const targets = new Float32Array(labels.length * classes);
  for (const [row, label] of labels.entries()) targets[row * classes + label] = 1;
  return tf.tensor2d(targets, [labels.length, classes]);
}

/** A share of each row [B, classes], spread evenly over all classes. */
function smooth(targets: Tensor): Tensor {
  return tf.add(tf.mul(targets, 1 - labelSmoothing), labelSmoothing / targets.shape[1]!);
}

/** The mixed images and their labels, for the weights and the box that were drawn. */
function compareMixing({ comparison, fixture, settings }: Subject): void {
  const { config, cutmix } = settings;
  const images = fixture.values("input.images");
  const labels = Int32Array.from(fixture.values("input.labels"));
  const partners = Uint32Array.from(fixture.values("input.perm"));
  const [top, bottom, left, right] = cutmix.box_y1y2x1x2;
  const box = { top, left, height: bottom - top, width: right - left };
  const draws = {
    mixup: { lambda: config.lam_mix, partners },
    cutmix: { lambda: 1 - box.height * box.width / config.img ** 2, partners, box },
  };
  comparison.checkNumber("cutmix.λ", draws.cutmix.lambda, cutmix.lam_corrected, "percent");
  for (const [name, draw] of Object.entries(draws)) {
    const mixed = mixImages(images, config.img, draw);
    comparison.check(`${name}.images`, mixed, fixture.values(`${name}.images`), "normalisedPixel");
    const targets = softLabels(labels, config.K, { smoothing: 0, draw });
    comparison.check(
      `${name}.target`,
      targets,
      fixture.values(`${name}.target`),
      "normalisedPixel",
    );
  }
}

async function compareLosses(subject: Subject): Promise<void> {
  const { comparison, on, fixture, settings, model } = subject;
  const trainable = model.parameters.trainable;
  const found = await readBack<string>(on.backend, () => {
    const forward = (name: string) => model.logits(on, fixture.tensor(name), { dropPath: null });
    const clean = forward("input.images");
    const labels = oneHot(fixture.values("input.labels"), settings.config.K);
    const outputs: Record<string, Tensor> = {
      "out.logits_clean": clean,
      "out.loss_ce_clean": softTargetCrossEntropy(on, clean, labels),
      "out.loss_label_smooth_clean": softTargetCrossEntropy(on, clean, smooth(labels)),
    };
    const cutmix = forward("cutmix.images");
    outputs["cutmix.logits"] = cutmix;
    outputs["cutmix.loss"] = softTargetCrossEntropy(
      on,
      cutmix,
      smooth(fixture.tensor("cutmix.target")),
    );
    const tape = Tape.open();
    try {
      const logits = forward("mixup.images");
      const loss = softTargetCrossEntropy(on, logits, smooth(fixture.tensor("mixup.target")));
      const gradients = takeGradients(on, tape, loss, trainable);
      const named = nameGradients(trainable.map(({ name }) => name), gradients);
      return { ...outputs, "mixup.logits": logits, "mixup.loss": loss, ...named };
    } finally {
      tape.close();
    }
  });
  for (const [name, values] of Object.entries(found)) {
    if (name.startsWith("gradient:")) continue;
    const tolerance = name.includes("loss") ? "loss" : "activation";
    comparison.check(name, values, fixture.values(name), tolerance);
  }
  const gradients = [...fixture.below("mixup.grad.")].map(([name, golden]) =>
    [name, found[`gradient:${name}`] ?? [], golden.values] as const
  );
  comparison.checkAll("mixup gradients", gradients, "gradient");
}

function compareGroups({ comparison, settings }: Subject, groups: Map<string, ParameterGroup>) {
  const scales: [string, number[], number[]][] = [];
  const decays: [string, number[], number[]][] = [];
  for (const golden of settings.groups) {
    for (const name of golden.names) {
      const found = groups.get(name);
      scales.push([name, [found?.learningRateScale ?? NaN], [golden.lr_scale]]);
      decays.push([name, [found?.weightDecay ?? NaN], [golden.weight_decay]]);
    }
  }
  comparison.checkAll("layer decay scales", scales, "learningRate");
  comparison.checkAll("weight decays", decays, "exact");
}

async function compareSteps(subject: Subject): Promise<void> {
  const { comparison, on, fixture, settings, model } = subject;
  const { optimizer: options, steps } = settings;
  const trainable = model.parameters.trainable;
  const groups = parameterGroups(trainable, {
    variant: "mmselfsup",
    weightDecay: options.weight_decay,
    layerDecay: { rate: options.layer_decay_rate, depth: settings.config.depth },
  });
  compareGroups(subject, groups);
  const optimizer = Optimizer.create(on, trainable, groups, {
    beta1: options.betas[0],
    beta2: options.betas[1],
    epsilon: options.eps,
    maxGradientNorm: options.clip,
    lossScaling: null,
  });
  const schedule = scheduleOf(options.lr, settings.schedule);
  for (const [index, golden] of steps.entries()) {
    const found = await readBack(on.backend, () => {
      const tape = Tape.open();
      try {
        const images = fixture.tensor(`${golden.batch}.images`);
        const logits = model.logits(on, images, { dropPath: null });
        const targets = smooth(fixture.tensor(`${golden.batch}.target`));
        const loss = softTargetCrossEntropy(on, logits, targets);
        const gradients = takeGradients(on, tape, loss, trainable);
        return { loss, update: optimizer.step(on, gradients, schedule, index) };
      } finally {
        tape.close();
      }
    });
    comparison.check(`step ${index + 1} loss`, found.loss, [golden.loss], "loss");
    const rates = settings.groups.map(({ group, lr_scale }) =>
      [group, [schedule(index, lr_scale)], [golden.lr[group]]] as const
    );
    comparison.checkAll(`step ${index + 1} learning rates`, rates, "learningRate");
  }
  optimizer.dispose();
  const after = await model.parameters.export();
  const pairs = [...fixture.below(`after${steps.length}.`)].map(([name, golden]) =>
    [name, after.get(name)?.values ?? [], golden.values] as const
  );
  comparison.checkAll(`parameters after ${steps.length} steps`, pairs, "steppedParameter");
}

/** `finetune*`: classifier, soft-target losses, gradients, layer-decayed steps. */
export async function compareFinetune(
  comparison: Comparison,
  on: Context,
  fixture: Fixture,
  json: unknown,
): Promise<void> {
  const settings = json as FinetuneSettings;
  const model = createModel(on, fixture, settings);
  const subject = { comparison, on, fixture, settings, model };
  try {
    compareMixing(subject);
    await compareLosses(subject);
    if (on.precision === "float32") await compareSteps(subject);
  } finally {
    model.dispose();
  }
}
