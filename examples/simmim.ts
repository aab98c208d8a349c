/**
 * SimMIM (Xie et al., arXiv 2111.09886) as your own method: random patches are masked, and a linear layer
 * predicts their pixels. `docs/your-own-method.md` walks through it.
 *
 *     deno run -P=train examples/simmim.ts [KEY=VALUE …]
 *
 * @module
 */

import * as mimic from "../mod.ts";
import { tf } from "../mod.ts";

/** What differs from BEiT v2's quick start; 60 % of the patches are masked, as in the paper. */
const settings = [
  "mask.ratio=0.6",
  // No loss of its own trains the cls token.
  "evaluation.knn.pooling=meanPatches",
  "evaluation.linear.atEnd=false",
  "output=runs/simmim",
];

/** A model with any of mimic's encoders, a norm, and a head that predicts the pixels of a patch. */
function createModel(on: mimic.Context, shape: mimic.BeitConfig, initialise: mimic.Initialise) {
  const specs = [
    ...mimic.encoderSpecs(shape, { hasMaskToken: true }),
    ...mimic.affineSpecs("norm", [shape.embedDim]),
    ...mimic.affineSpecs("pixel_head", [3 * shape.patchSize ** 2, shape.embedDim]),
  ];
  const parameters = mimic.ParameterSet.create(on, specs, initialise);
  const encoder = new mimic.BeitEncoder(on, shape, parameters);
  const dispose = () => [encoder, parameters].forEach((part) => part.dispose());
  return { config: shape, encoder, parameters, dispose };
}
type Model = ReturnType<typeof createModel>;

/** The pixels of the masked patches, images [B, 3, S, S] → [M, 3·p²]. */
function predict(
  on: mimic.Context,
  { encoder, parameters }: Model,
  images: mimic.Tensor,
  mask: Uint8Array,
  dropPath: mimic.DropPathDraws | null,
): mimic.Tensor {
  const patches = mask.length / images.shape[0];
  // Each image's tokens start with its class token.
  const rows = mimic.maskedPositions(mask).map((row) => row + Math.floor(row / patches) + 1);
  const { final } = encoder.forward(on, images, {
    mask: tf.tensor2d(Float32Array.from(mask), [images.shape[0], patches]),
    dropPath,
    finalRows: rows,
  });
  const [norm, head] = [parameters.scope("norm"), parameters.scope("pixel_head")];
  const normed = mimic.layerNorm(on, final, norm.value("weight"), norm.value("bias"), 1e-6);
  return mimic.linear(on, normed, head.value("weight"), head.value("bias"));
}

/** Random masks of whole patches, [B·N]; each image has its own draws, however its batch is split. */
function randomMasks(size: number, patches: number, masked: number, draws: mimic.DropPathDraws) {
  const masks = new Uint8Array(size * patches);
  for (let image = 0; image < size; image++) {
    const order = draws.generator.split("mask", draws.first + image).permutation(patches);
    for (const patch of order.subarray(0, masked)) masks[image * patches + patch] = 1;
  }
  return masks;
}

/** The model and its stages from the queue to the loss, which is the mean absolute error of masked pixels. */
function trained({ mask: { maskedPatches }, augment }: mimic.PretrainConfig, model: Model) {
  const { patchSize, imageSize } = model.config;
  const patches = (imageSize / patchSize) ** 2;
  const mask = {
    name: "mask",
    run(batch: mimic.AugmentedBatch, { generator, firstImage: first }: mimic.DeviceContext) {
      return {
        ...batch,
        mask: randomMasks(batch.size, patches, maskedPatches, { generator, first }),
      };
    },
  } as const;
  const loss = {
    name: "loss",
    run(batch: mimic.MaskedBatch, { on, tape, generator, firstImage }: mimic.DeviceContext) {
      const normalization = mimic.normalizations[augment.normalization];
      const images = mimic.imageTensor(batch.pixels, batch.size, imageSize, normalization);
      const draws = { generator: generator.split("encode"), first: firstImage };
      const found = predict(on, model, images, batch.mask, tape === null ? null : draws);
      const rows = tf.tensor1d(mimic.maskedPositions(batch.mask), "int32");
      const wanted = tf.gather(mimic.patchRows(images, patchSize), rows);
      return { loss: tf.mean(tf.abs(tf.sub(found, wanted))) as mimic.Tensor, metrics: {} };
    },
  } as const;
  const { config: shape, parameters, dispose } = model;
  return { shape, parameters, parts: { model }, stages: mimic.pipeline(mask).to(loss), dispose };
}

/** The method, as the engine runs it. */
export const simmim: mimic.Method<
  mimic.PretrainConfig,
  mimic.AugmentedBatch,
  { readonly model: Model },
  { readonly evaluation: mimic.EvaluationResults }
> = {
  task: mimic.pretrainTask,
  name: "simmim",
  inputStages: ["load", "augment"],

  async open(run) {
    const { config, on, images: { source } } = run;
    // A step takes as much memory as BEiT's, with the head's outputs in place of codes.
    const shape = { ...mimic.beitConfig(config), codes: 3 * config.model.patchSize ** 2 };
    const footprint = mimic.modelFootprint({ ...shape, headLayers: 0 }, config.mask.maskedPatches);
    const generator = mimic.Generator.from(config.seed).split("model");
    const create = () => createModel(on, shape, mimic.initialiseBeit(shape, generator));
    const model = create();
    const length = mimic.runLength(config, source.length);
    const evaluation = await mimic.FeatureEvaluation.open(run, length, model, create);
    return {
      ...trained(config, model),
      footprint: { ...footprint, frozenParameters: 0 },
      schedule: { length, learningRate: mimic.learningRateSchedule(config, length) },
      input: { transform: mimic.pretrainTransform(config.augment) },
      frozenStage: null,
      createOptimizer: (all) => mimic.createOptimizer(on, config, all, shape.depth),
      evaluation,
      result: () => ({ evaluation: evaluation.results }),
    };
  },

  reopen(on, { config, shape, parameters }) {
    const initialise = mimic.initialiseFrom(parameters, null);
    return trained(config, createModel(on, shape as mimic.BeitConfig, initialise));
  },
};

if (import.meta.main) {
  const overrides = [...settings, ...Deno.args];
  const { config, origins } = await mimic.resolveConfig({ task: "pretrain", overrides });
  const { evaluation } = await mimic.runMethod(simmim, config, {
    origins,
    listener(event) {
      if (event.type === "note") console.log(event.message);
      if (event.type !== "step" || event.metrics.step % 50 !== 0) return;
      console.log(`step ${event.metrics.step}/${event.totalSteps}  loss ${event.metrics.loss}`);
    },
  });
  console.table(evaluation);
}
