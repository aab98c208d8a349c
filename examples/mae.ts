/**
 * MAE (He et al., arXiv 2111.06377) as a custom method: the encoder sees a quarter of the patches,
 * and a small decoder predicts the pixels of the others. `docs/your-own-method.md` says what it
 * adds to `simmim.ts`.
 *
 *     deno run -P=train examples/mae.ts [KEY=VALUE …]
 *
 * @module
 */

import * as mimic from "../mod.ts";
import { tf } from "../mod.ts";

/** What differs from the quick start of BEiT v2: three quarters are masked, and it is a plain ViT. */
const settings = [
  "mask.ratio=0.75",
  "model.usesSharedRelativePositionBias=false",
  "model.usesAbsolutePositions=true",
  "model.sincosAmplitude=0.5",
  "model.layerScaleInitValue=0",
  "optimizer.lr=1.5e-3",
  "evaluation.linear.atEnd=false",
  "output=runs/mae",
];

/** mimic's encoder with a norm, a decoder of half its width and two blocks, and a head for pixels. */
function createModel(on: mimic.Context, shape: mimic.BeitConfig, initialise: mimic.Initialise) {
  const { embedDim, imageSize, patchSize, heads, mlpRatio } = shape;
  const decoder = { embedDim: embedDim / 2, depth: 2, heads, mlpRatio };
  const specs = [
    ...mimic.encoderSpecs(shape, { hasMaskToken: false }),
    ...mimic.affineSpecs("norm", [embedDim]),
    ...mimic.affineSpecs("decoder.embed", [decoder.embedDim, embedDim]),
    { name: "decoder.mask_token", shape: [1, decoder.embedDim] },
    ...mimic.blockSpecs("decoder.blocks.0", decoder),
    ...mimic.blockSpecs("decoder.blocks.1", decoder),
    ...mimic.affineSpecs("decoder.norm", [decoder.embedDim]),
    ...mimic.affineSpecs("decoder.head", [3 * patchSize ** 2, decoder.embedDim]),
  ];
  const parameters = mimic.ParameterSet.create(on, specs, initialise);
  const encoder = new mimic.BeitEncoder(on, shape, parameters);
  const positions = mimic.sincosPositions(imageSize / patchSize, decoder.embedDim, 1);
  const dispose = () => [encoder, parameters].forEach((part) => part.dispose());
  return { config: shape, decoder, encoder, parameters, positions, dispose };
}
type Model = ReturnType<typeof createModel>;

const rowNumbers = (rows: ArrayLike<number>) => tf.tensor1d(Int32Array.from(rows), "int32");

/** All blocks of a transformer and the norm behind them, x [B, T, C] → [B, T, C]. */
function runBlocks(
  on: mimic.Context,
  x: mimic.Tensor,
  { depth, heads }: Pick<mimic.BeitConfig, "depth" | "heads">,
  parameters: mimic.ParameterScope,
) {
  for (let layer = 0; layer < depth; layer++) {
    x = mimic.block(on, parameters.scope(`blocks.${layer}`), x, { heads });
  }
  const norm = parameters.scope("norm");
  return mimic.layerNorm(on, x, norm.value("weight"), norm.value("bias"), 1e-6);
}

/** The masked patches as the others let the model predict them, images [B, 3, S, S] → [M, 3·p²]. */
function predict(on: mimic.Context, model: Model, images: mimic.Tensor, mask: Uint8Array) {
  const { config: shape, decoder, encoder, parameters } = model;
  const batch = images.shape[0];
  const tokens = mask.length / batch + 1;
  // Tokens as rows of [B·(N + 1)]; each image's start with its class token, which is always
  // visible.
  const isMasked = (row: number) => row % tokens > 0 && mask[row - Math.ceil(row / tokens)] === 1;
  const rows = [...Array(batch * tokens).keys()];
  const masked = rows.filter(isMasked);
  const seen = rows.filter((row) => !isMasked(row));
  const visible = mimic.selectRows(on, encoder.embed(on, images), rowNumbers(seen));
  const start = tf.reshape(visible, [batch, -1, shape.embedDim]) as mimic.Tensor;
  const encoded = runBlocks(on, start, shape, parameters);

  // The decoder has all tokens in their places, with a mask token for each that was not seen.
  const scope = parameters.scope("decoder");
  const [embed, head] = [scope.scope("embed"), scope.scope("head")];
  const narrow = mimic.linear(on, encoded, embed.value("weight"), embed.value("bias"));
  const all = tf.concat([
    tf.reshape(narrow, [seen.length, decoder.embedDim]),
    tf.tile(scope.value("mask_token"), [masked.length, 1]),
  ]);
  const places = new Int32Array(rows.length);
  for (const [index, row] of [...seen, ...masked].entries()) places[row] = index;
  const placed = tf.reshape(mimic.selectRows(on, all, rowNumbers(places)), [batch, tokens, -1]);
  const positions = tf.tensor(model.positions, [1, tokens, decoder.embedDim]);
  const decoded = runBlocks(on, tf.add(placed, positions), decoder, scope);
  const wanted = mimic.selectRows(on, decoded, rowNumbers(masked));
  return mimic.linear(on, wanted, head.value("weight"), head.value("bias"));
}

/** Mean [M, 1] and standard deviation [M, 1] of each patch, rows [M, 3·p²]. */
function spread(rows: mimic.Tensor) {
  const { mean, variance } = tf.moments(rows, 1, true);
  return { mean, deviation: tf.sqrt(tf.add(variance, 1e-6)) };
}

/** Random masks of whole patches, [B·N]; each image has its own draws, however its batch is split. */
function randomMasks(
  size: number,
  { mask: { maskedPatches }, model: { imageSize, patchSize } }: mimic.PretrainConfig,
  generator: mimic.Generator,
  firstImage = 0,
) {
  const patches = (imageSize / patchSize) ** 2;
  const masks = new Uint8Array(size * patches);
  for (let image = 0; image < size; image++) {
    const order = generator.split("mask", firstImage + image).permutation(patches);
    for (const patch of order.subarray(0, maskedPatches)) masks[image * patches + patch] = 1;
  }
  return masks;
}

/** The model and its stages from the queue to the loss, which is of the masked patches alone. */
function trained(config: mimic.PretrainConfig, model: Model) {
  const { config: shape, parameters, dispose } = model;
  const mask = {
    name: "mask",
    run(batch: mimic.AugmentedBatch, { generator, firstImage }: mimic.DeviceContext) {
      return { ...batch, mask: randomMasks(batch.size, config, generator, firstImage) };
    },
  } as const;
  const loss = {
    name: "loss",
    run({ pixels, size, mask }: mimic.MaskedBatch, { on }: mimic.DeviceContext) {
      const normalization = mimic.normalizations[config.augment.normalization];
      const images = mimic.imageTensor(pixels, size, shape.imageSize, normalization);
      const rows = tf.gather(
        mimic.patchRows(images, shape.patchSize),
        rowNumbers(mimic.maskedPositions(mask)),
      );
      const { mean, deviation } = spread(rows);
      const wanted = tf.div(tf.sub(rows, mean), deviation) as mimic.Tensor;
      const found = predict(on, model, images, mask);
      return { loss: mimic.meanSquaredError(on, found, wanted), metrics: {} };
    },
  } as const;
  return { shape, parameters, parts: { model }, stages: mimic.pipeline(mask).to(loss), dispose };
}

/** Lays predicted patches, the rows [M, 3·p²], over a batch of images [B, S, S, 3]. */
function paint(pixels: Uint8Array, side: number, mask: Uint8Array, rows: ArrayLike<number>) {
  const masked = mimic.maskedPositions(mask);
  const grid = Math.sqrt(mask.length / (pixels.length / (3 * side ** 2)));
  const [patchSize, numbers] = [side / grid, rows.length / masked.length];
  const painted = Uint8ClampedArray.from(pixels);
  for (let index = 0; index < rows.length; index++) {
    const [patch, k] = [masked[Math.floor(index / numbers)], index % numbers];
    // Within a row: channel, row, column. Rows of patches go on from one image to the next.
    const y = Math.floor(patch / grid) * patchSize + Math.floor(k / patchSize) % patchSize;
    const x = (patch % grid) * patchSize + k % patchSize;
    painted[(y * side + x) * 3 + Math.floor(k / patchSize ** 2)] = rows[index];
  }
  return new Uint8Array(painted.buffer);
}

/** Pictures for the report: images, what the encoder sees of them, and what the decoder predicts. */
function pictures(
  { on, config, images: { source } }: mimic.Run<mimic.PretrainConfig>,
  model: Model,
): mimic.DrawPictures {
  const { imageSize: side, patchSize } = model.config;
  return async () => {
    const transform = mimic.evaluationTransform(config.augment);
    const batch = await mimic.fixedImages(source, config, { transform });
    const { pixels, size } = batch;
    const mask = randomMasks(size, config, mimic.Generator.from(config.seed));
    const predicted = on.backend.run(() =>
      tf.tidy(() => {
        const normalization = mimic.normalizations[config.augment.normalization];
        const images = mimic.imageTensor(pixels, size, side, normalization);
        const rows = mimic.patchRows(images, patchSize);
        const masked = tf.gather(rows, rowNumbers(mimic.maskedPositions(mask)));
        const { mean, deviation } = spread(masked);
        const found = tf.add(tf.mul(predict(on, model, images, mask), deviation), mean);
        // Back to bytes, channel by channel.
        const channels = tf.reshape(found, [-1, 3, patchSize ** 2]);
        const scaled = tf.mul(channels, tf.tensor([...normalization.std], [3, 1]));
        return tf.add(scaled, tf.tensor([...normalization.mean], [3, 1]));
      })
    );
    const painted = { ...batch, pixels: paint(pixels, side, mask, await predicted.data()) };
    predicted.dispose();
    const drawn = mimic.shownOf(painted);
    const grid = side / patchSize;
    return {
      title: "Pictures of a fixed batch",
      explanation: "The same images and masks all through the run. Each predicted patch is drawn " +
        "with the mean and contrast of the true one, which the model does not predict.",
      columns: ["image", "visible", "predicted"],
      rows: mimic.shownOf(batch).map(({ index, id, picture }) => {
        const isMasked = (patch: number) => mask[index * grid ** 2 + patch] === 1;
        const visible = mimic.overPatches(picture, grid, (patch) => {
          return isMasked(patch) ? { color: mimic.maskColor, share: 1 } : null;
        });
        return { id, caption: id, pictures: [picture, visible, drawn[index].picture] };
      }),
      figures: {},
    };
  };
}

/** The method, as the engine runs it. */
export const mae: mimic.Method<
  mimic.PretrainConfig,
  mimic.AugmentedBatch,
  { readonly model: Model },
  { readonly evaluation: mimic.EvaluationResults }
> = {
  task: mimic.pretrainTask,
  name: "mae",
  inputStages: ["load", "augment"],

  async open(run) {
    const { config, on, images: { source } } = run;
    const shape = mimic.beitConfig(config);
    // Counted as if the encoder saw every patch: more than a step takes.
    const footprint = mimic.modelFootprint({ ...shape, headLayers: 0, codes: 1 }, 0);
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
      pictures: pictures(run, model),
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
  const { evaluation } = await mimic.runMethod(mae, config, {
    origins,
    listener(event) {
      if (event.type === "note") console.log(event.message);
      if (event.type !== "step" || event.metrics.step % 50 !== 0) return;
      console.log(`step ${event.metrics.step}/${event.totalSteps}  loss ${event.metrics.loss}`);
    },
  });
  console.table(evaluation);
}
