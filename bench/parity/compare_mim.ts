import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import { Tape } from "../../backends/tfjs/tape.ts";
import { type BeitConfig, vitBase } from "../../models/beit_config.ts";
import {
  MaskedImageModel,
  type MaskedImageTargets,
  maskedPositions,
} from "../../models/masked_image_model.ts";
import { initialiseFrom } from "../../models/parameter_set.ts";
import { Optimizer } from "../../pipeline/optimize/optimizer.ts";
import { parameterGroups } from "../../pipeline/optimize/parameter_groups.ts";
import type { Comparison } from "./comparison.ts";
import { type Fixture, nameGradients, readBack, takeGradients } from "./fixture.ts";
import { decayRule, scheduleOf, type SchedulerConfig } from "./schedule.ts";

/** The model's sizes as fixtures write them. */
export interface MimSizes {
  readonly img: number;
  readonly patch: number;
  readonly dim: number;
  readonly depth: number;
  readonly heads: number;
  readonly mlp: number;
  readonly vocab: number;
  readonly early: number;
  readonly nlay: number;
  /** Initial layer scale; 0 or null for none. */
  readonly ls: number | null;
  readonly abs: boolean;
}

interface MimSettings {
  readonly config: MimSizes;
  readonly optimizer?: {
    readonly lr: number;
    readonly betas: readonly [number, number];
    readonly eps: number;
    readonly weight_decay: number;
    readonly clip_max_norm: number | null;
    readonly no_decay_rule: string;
  };
  readonly schedule?: readonly SchedulerConfig[];
  readonly steps?: readonly {
    readonly lr: number;
    readonly loss_1: number;
    readonly loss_2?: number;
    readonly grad_norm: number;
  }[];
  readonly weight_decay_per_param?: Readonly<Record<string, number>>;
}

/** The config of a model with these sizes; what they leave open follows from the parameters. */
export function mimConfig(sizes: MimSizes, fixture: Fixture): BeitConfig {
  return {
    ...vitBase,
    imageSize: sizes.img,
    patchSize: sizes.patch,
    embedDim: sizes.dim,
    depth: sizes.depth,
    heads: sizes.heads,
    mlpRatio: sizes.mlp,
    layerScaleInitValue: sizes.ls ?? 0,
    usesAbsolutePositions: sizes.abs,
    usesSharedRelativePositionBias: fixture.has("param.rel_pos_bias.relative_position_bias_table"),
    usesRelativePositionBias: fixture.has("param.blocks.0.attn.relative_position_bias_table"),
    earlyLayers: sizes.early,
    headLayers: sizes.nlay,
    codes: sizes.vocab,
  };
}

/** One batch: what the model sees and what it should predict. */
export interface MimBatch {
  readonly images: Tensor;
  readonly mask: Uint8Array;
  /** Code of every patch. */
  readonly targets: Int32Array;
}

/** The batch under `<prefix>.images`, `.mask` and `.target_ids`. */
function batchOf(fixture: Fixture, prefix: string): MimBatch {
  return {
    images: fixture.tensor(`${prefix}.images`),
    mask: Uint8Array.from(fixture.values(`${prefix}.mask`)),
    targets: Int32Array.from(fixture.values(`${prefix}.target_ids`)),
  };
}

/** Both branches at the masked patches, and their losses. */
export function runModel(on: Context, model: MaskedImageModel, batch: MimBatch) {
  const rows = maskedPositions(batch.mask);
  const codes = Int32Array.from(rows, (row) => batch.targets[row]);
  const encoded: MaskedImageTargets = {
    ...model.encode(on, batch.images, { mask: batch.mask, dropPath: null }),
    targets: tf.tensor1d(codes, "int32"),
  };
  return { encoded, ...model.loss(on, encoded) };
}

/** Both branches at all patches: training computes the last blocks only for the masked ones. */
export function encodeAll(on: Context, model: MaskedImageModel, { images, mask }: MimBatch) {
  const positions = Int32Array.from(mask, (_, row) => row);
  return model.encode(on, images, { mask, positions, dropPath: null });
}

/** Outputs and gradients of the batch `input`. */
async function compareForward(
  comparison: Comparison,
  on: Context,
  model: MaskedImageModel,
  fixture: Fixture,
): Promise<void> {
  const trainable = model.parameters.trainable;
  const found = await readBack<string>(on.backend, () => {
    const tape = Tape.open();
    try {
      const batch = batchOf(fixture, "input");
      const { encoded, loss, metrics } = runModel(on, model, batch);
      const gradients = takeGradients(on, tape, loss, trainable);
      const inner = innerStates(on, model, batch);
      const all = encodeAll(on, model, batch);
      const outputs: Record<string, Tensor> = {
        ...inner,
        feats: all.patches,
        logits: model.logits(on, encoded.patches),
        loss_1: metrics.loss1,
        acc_1: metrics.accuracy1,
        ...nameGradients(trainable.map(({ name }) => name), gradients),
      };
      if (encoded.aggregated !== null) {
        outputs.feats_cls_pt = all.aggregated!;
        outputs.logits_cls_pt = model.logits(on, encoded.aggregated);
        outputs.loss_2 = metrics.loss2;
        outputs.acc_2 = metrics.accuracy2;
      }
      return outputs;
    } finally {
      tape.close();
    }
  });
  for (const [name, golden] of fixture.below("out.")) {
    // Reduced precision cannot decide which of two close logits is larger.
    if (name.startsWith("acc") && on.precision !== "float32") continue;
    const isLoss = name.startsWith("loss") || name.startsWith("acc");
    if (found[name] === undefined) comparison.fail(name, "not computed");
    else comparison.check(name, found[name], golden.values, isLoss ? "loss" : "activation");
  }
  const gradients = [...fixture.below("grad.")].map(([name, golden]) =>
    [name, found[`gradient:${name}`] ?? [], golden.values] as const
  );
  comparison.checkAll("gradients", gradients, "gradient");
}

/** What the loss does not need to output. */
function innerStates(on: Context, model: MaskedImageModel, batch: MimBatch) {
  const { images, mask } = batch;
  const shape: [number, number] = [images.shape[0], mask.length / images.shape[0]];
  const encoded = model.encoder.forward(on, images, {
    mask: tf.tensor2d(Float32Array.from(mask), shape),
    dropPath: null,
  });
  const states: Record<string, Tensor> = {
    patch_embed: model.encoder.embedPatches(on, images),
    early_state: encoded.early,
    final_state: encoded.final,
  };
  if (encoded.sharedBias !== null) states.rel_pos_bias = encoded.sharedBias;
  return states;
}

/** A few optimizer steps: losses, gradient norms and the parameters after the last. */
async function compareSteps(
  comparison: Comparison,
  on: Context,
  model: MaskedImageModel,
  fixture: Fixture,
  settings: MimSettings,
): Promise<void> {
  const { optimizer: options, steps, schedule: schedulers } = settings;
  if (options === undefined || steps === undefined || schedulers === undefined) return;
  const groups = parameterGroups(model.parameters.trainable, {
    variant: decayRule(options.no_decay_rule),
    weightDecay: options.weight_decay,
  });
  for (const [name, golden] of Object.entries(settings.weight_decay_per_param ?? {})) {
    if (groups.get(name)?.weightDecay === golden) continue;
    comparison.fail(`weight decay of ${name}`, `${groups.get(name)?.weightDecay}, not ${golden}`);
  }
  const optimizer = Optimizer.create(on, model.parameters.trainable, groups, {
    beta1: options.betas[0],
    beta2: options.betas[1],
    epsilon: options.eps,
    maxGradientNorm: options.clip_max_norm,
    lossScaling: null,
  });
  const schedule = scheduleOf(options.lr, schedulers);
  for (const [index, golden] of steps.entries()) {
    const found = await readBack<string>(on.backend, () => {
      const tape = Tape.open();
      try {
        const { loss, metrics } = runModel(on, model, batchOf(fixture, `step${index + 1}`));
        const values = optimizer.parameters.map(({ value }) => value);
        const update = optimizer.step(on, tape.gradients(loss, values), schedule, index);
        return { update, loss, ...metrics };
      } finally {
        tape.close();
      }
    });
    const label = `step ${index + 1}`;
    const rate = schedule(index);
    comparison.checkNumber(`${label} learning rate`, rate, golden.lr, "learningRate");
    comparison.check(`${label} loss 1`, found.loss1, [golden.loss_1], "loss");
    if (found.loss2 !== undefined && golden.loss_2 !== undefined) {
      comparison.check(`${label} loss 2`, found.loss2, [golden.loss_2], "loss");
    }
    const norm = found.update[0];
    comparison.checkNumber(`${label} gradient norm`, norm, golden.grad_norm, "gradientNorm");
  }
  optimizer.dispose();
  const after = await model.parameters.export();
  const pairs = [...fixture.below(`after${steps.length}.`)].map(([name, golden]) =>
    [name, after.get(name)?.values ?? [], golden.values] as const
  );
  comparison.checkAll(`parameters after ${steps.length} steps`, pairs, "steppedParameter");
}

/** `mim_forward_*`: forward, both losses, all gradients, and optimizer steps. */
export async function compareMim(
  comparison: Comparison,
  on: Context,
  fixture: Fixture,
  json: unknown,
): Promise<void> {
  const settings = json as MimSettings;
  const initialise = initialiseFrom(fixture.below("param."), null);
  const model = MaskedImageModel.create(on, mimConfig(settings.config, fixture), initialise);
  try {
    await compareForward(comparison, on, model, fixture);
    if (on.precision === "float32") await compareSteps(comparison, on, model, fixture, settings);
  } finally {
    model.dispose();
  }
}
