/**
 * Models, ops and backends: the part of `mod.ts` that uses no disk and no Node modules, so that a browser page
 * can bundle it directly.
 *
 * @example An op on a backend
 * ```ts
 * import { createBackend, layerNorm, tf } from "./browser.ts";
 *
 * const { backend } = await createBackend("cpu"); // "webgpu" on a GPU
 * const on = { backend, precision: "float32" } as const;
 * backend.run(() => {
 *   const y = layerNorm(on, tf.tensor([[1, 3]]), tf.ones([2]), tf.zeros([2]), 0);
 *   if (String(y.dataSync()) !== "-1,1") throw new Error(`${y}`);
 * });
 * await backend.dispose();
 * ```
 *
 * @module
 */

// Models.
export { type BeitConfig, type InitVariant, vitBase, vitLarge } from "./models/beit_config.ts";
export type { Pooling, TransformerTraits } from "./core/transformer_traits.ts";
export type { DropPathDraws } from "./models/layers/drop_path.ts";
export {
  BeitEncoder,
  type EncoderOptions,
  type EncoderOutput,
  encoderSpecs,
} from "./models/beit_encoder.ts";
export type { AffineStart, BlockStart, Fill, InitScheme } from "./models/initial_values.ts";
export { affineSpecs } from "./models/layers/affine.ts";
export {
  block,
  type BlockOptions,
  type BlockPlace,
  type BlockShape,
  blockSpecs,
  type MlpActivation,
} from "./models/layers/block.ts";
export {
  type MaskedImageLoss,
  MaskedImageModel,
  type MaskedImageOptions,
  type MaskedImageOutput,
  type MaskedImageTargets,
  maskedPositions,
} from "./models/masked_image_model.ts";
export { Classifier, classifierConfig } from "./models/classifier.ts";
export type { LinearProbes, ProbeConfig, ProbePlace, ProbeToken } from "./models/linear_probes.ts";
export type { Segmenter, SegmenterOutput } from "./models/segmentation/segmenter.ts";
export type { SegmenterConfig } from "./models/segmentation/segmenter_config.ts";
export { extractFeatures, type FeatureKind, type FeatureRequest } from "./models/features.ts";
export {
  type BeitShape,
  initialiseBeit,
  initialisePlain,
  initialiseStage,
} from "./models/initialise.ts";
export {
  type Initialise,
  initialiseFrom,
  type LazyValues,
  type NamedValues,
  ParameterScope,
  ParameterSet,
  type ParameterSpec,
} from "./models/parameter_set.ts";
export { sincosPositions } from "./models/sincos_positions.ts";
export { vqkdBase, type VqkdConfig } from "./models/vqkd_config.ts";
export type { Codebook, CodeStatistics, RestartOptions } from "./models/layers/codebook.ts";
export { type VqkdEncoding, type VqkdOutput, VqkdTokenizer } from "./models/vqkd_tokenizer.ts";
export type { Teacher, TeacherImages } from "./models/teachers/teacher.ts";
export { withoutGradient } from "./backends/tfjs/without_gradient.ts";

// Backends and ops.
export type {
  Backend,
  BackendMemory,
  Capabilities,
  Context,
  KernelChoice,
  KernelSpan,
  Precision,
} from "./backends/backend.ts";
export type { Communicator, Reducible, Reduction } from "./distributed/communicator.ts";
export type { Observation, TensorPlace, TensorSummary, Watch } from "./backends/watch.ts";
export type {
  Activation,
  AdamWArguments,
  AssembleTokensKernel,
  AttentionKernel,
  CosineLossKernel,
  Kernels,
  L2NormalizeKernel,
  LayerNormKernel,
  LinearCrossEntropyKernel,
  LinearKernel,
  PatchEmbedKernel,
  QkvBiasKernel,
  RelativePositionBiasKernel,
  ResidualKernel,
  SelectRowsKernel,
} from "./backends/kernels.ts";
export {
  type BackendName,
  type BackendOptions,
  createBackend,
  type StartedBackend,
} from "./backends/mod.ts";
export type { MeasurementStore } from "./core/measurement_store.ts";
export { layerNorm, type LayerNormOptions } from "./backends/ops/layer_norm.ts";
export { linear, type LinearOptions } from "./backends/ops/linear.ts";
export {
  linearCrossEntropy,
  type LinearCrossEntropyArguments,
} from "./backends/ops/linear_cross_entropy.ts";
export { meanSquaredError } from "./backends/ops/mean_squared_error.ts";
export { selectRows } from "./backends/ops/select_rows.ts";
export { Parameter } from "./backends/parameter.ts";
export { Tape } from "./backends/tfjs/tape.ts";
export {
  conformanceCases,
  type ConformanceOptions,
  formatConformance,
  runConformance,
} from "./backends/conformance.ts";
export type { CaseResult, ConformanceCase } from "./backends/conformance/case.ts";
export { type Tensor, tf } from "./deps/tfjs.ts";

// Foundations.
export { messageOf, UserError } from "./core/errors.ts";
export { type Draws, Generator, type GeneratorState } from "./core/generator.ts";
export { assertAllClose, type ComparisonLabel, type Tolerance } from "./core/assert_all_close.ts";
export type { Stopwatch } from "./core/clock.ts";
