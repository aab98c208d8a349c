/**
 * mimic: BEiT v2 (masked image modelling with VQ-KD visual tokens) for Deno and the browser.
 *
 * @example A small pretraining run on the bundled images
 * ```ts
 * import { pretrain, resolveConfig } from "./mod.ts";
 *
 * const { config } = await resolveConfig({
 *   task: "pretrain",
 *   overrides: [
 *     "schedule.maxSteps=2", "batchSize=2", "backend.name=cpu", "model.embedDim=16",
 *     "model.heads=2", "model.depth=3", "evaluation.knn.atEnd=false",
 *     "evaluation.linear.atEnd=false", "data.workers=0",
 *   ],
 * });
 * const result = await pretrain(config, {
 *   listener: (event) => {
 *     if (event.type === "step" && !(event.metrics.loss > 0)) throw new Error("no loss");
 *   },
 * });
 * if (result.step !== 2) throw new Error(`${result.step} steps`);
 * ```
 *
 * @module
 */

// Tasks: complete runs.
export {
  pretrain,
  type PretrainOptions,
  type PretrainParts,
  type PretrainResult,
  type PretrainStages,
} from "./methods/beit/method.ts";
export { planPretraining, type PretrainPlan } from "./methods/beit/plan.ts";
export {
  type TokenizerOptions,
  type TokenizerParts,
  type TokenizerResult,
  type TokenizerStages,
  trainTokenizer,
} from "./methods/vqkd/method.ts";
export {
  finetune,
  type FinetuneOptions,
  type FinetuneParts,
  type FinetuneResult,
  type FinetuneStages,
} from "./methods/classify/method.ts";
export {
  linearProbe,
  type LinearProbeOptions,
  type LinearProbeParts,
  type LinearProbeResult,
  type LinearProbeStages,
} from "./methods/probe/method.ts";
export {
  segment,
  type SegmentOptions,
  type SegmentParts,
  type SegmentResult,
  type SegmentStages,
} from "./methods/segment/method.ts";
export { knn, type KnnResult, type KnnTaskOptions } from "./tasks/knn.ts";
export { evaluate, type EvaluateResult } from "./tasks/evaluate.ts";
export { replayFailure, type ReplayOptions, type ReplayResult } from "./methods/replay.ts";
export { predict, type Prediction, type PredictOptions } from "./tasks/predict.ts";
export { features, type FeaturesOptions, type FeaturesResult } from "./tasks/features.ts";
export { type PictureKind, visualize, type VisualizeOptions } from "./tasks/visualize/visualize.ts";
export {
  tokenizeImages,
  type TokenizeOptions,
  type TokenizeResult,
} from "./tasks/tokens/tokenize_images.ts";
export { loadEncoder } from "./pipeline/weights/load_encoder.ts";
export { loadTokenizer } from "./methods/vqkd/load_tokenizer.ts";
// Your own method: see docs/your-own-method.md.
export {
  type EncodingModel,
  type EvaluationResults,
  FeatureEvaluation,
} from "./methods/beit/evaluation.ts";
export { beitConfig, modelFootprint } from "./methods/beit/plan.ts";
export { createOptimizer, type TrainingConfig } from "./pipeline/engine/create_optimizer.ts";
export { learningRateSchedule, type RunLength, runLength } from "./pipeline/engine/schedule.ts";
export { patchRows } from "./methods/vqkd/pixel_tokenizer.ts";
export type { ModelFootprint } from "./pipeline/engine/planning/plan.ts";
export {
  type DrawPictures,
  fixedImages,
  shownOf,
} from "./pipeline/engine/recording/fixed_images.ts";
export { normalizations } from "./pipeline/images/normalizations.ts";
export {
  evaluationTransform,
  maskOptions,
  pretrainTransform,
} from "./pipeline/images/transforms.ts";
export type { PictureRow, PictureSheet } from "./report/picture_sheet.ts";
export { maskColor, overPatches } from "./report/picture_sheet.ts";
export type { RgbPicture } from "./report/png.ts";
export type { MethodOptions, RunOptions, StagesOf } from "./pipeline/engine/run_options.ts";
export { type EngineOutcome, runMethod } from "./pipeline/engine/run_method.ts";
export type { StoppedEarly } from "./pipeline/engine/training/early_stop.ts";
export type * from "./pipeline/engine/method.ts";
export { type FeatureSet } from "./pipeline/evaluation/features.ts";
export { type Accuracy, knnAccuracy, type KnnOptions } from "./pipeline/evaluation/knn.ts";
export { linearAccuracy } from "./pipeline/evaluation/linear.ts";

// Configs and recipes.
export { resolveConfig, type ResolvedConfig, type ResolveOptions } from "./configs/resolve.ts";
export { parseConfig } from "./configs/parse.ts";
export { recipeNames } from "./configs/recipes.ts";
export type { Config, PretrainConfig, Task, TokenizerConfig } from "./configs/schema.ts";

// The pipeline and its stages.
export {
  type AnyStage,
  type DeviceContext,
  type HostContext,
  type HostStage,
  Pipeline,
  pipeline,
  type Stage,
  type StepContext,
} from "./pipeline/stage.ts";
export type {
  AugmentedBatch,
  EncodedBatch,
  FileBatch,
  LossOutput,
  MaskedBatch,
  StepOutput,
  StepPlace,
  TokenizedBatch,
} from "./pipeline/batch.ts";
export type { RunEvent, RunListener, StepMetrics } from "./pipeline/engine/events.ts";
export type { RunHook } from "./pipeline/engine/recording/hooks.ts";
export type { LoggerOptions } from "./report/loggers/log_sender.ts";
export { mlflowLogger, type MlflowOptions } from "./report/loggers/mlflow.ts";
export { wandbLogger, type WandbOptions } from "./report/loggers/wandb.ts";
export { load, type LoadOptions } from "./pipeline/load.ts";
export { augment, type AugmentOptions } from "./pipeline/augment.ts";
export { mask } from "./pipeline/mask.ts";
export { imageTensor, type PatchTokenizer, tokenize } from "./pipeline/tokenize.ts";
export { encode } from "./pipeline/encode.ts";
export { loss } from "./pipeline/loss.ts";
export { optimize } from "./pipeline/optimize/mod.ts";
export { Optimizer, type OptimizerOptions } from "./pipeline/optimize/optimizer.ts";
export { parameterGroups } from "./pipeline/optimize/parameter_groups.ts";
export { everyEpoch } from "./core/schedules/every_epoch.ts";
export { mmengineCosine } from "./core/schedules/mmengine_cosine.ts";
export { poly } from "./core/schedules/poly.ts";
export type { LearningRateSchedule, WarmupOptions } from "./core/schedules/schedule.ts";
export { unilmCosine } from "./core/schedules/unilm_cosine.ts";
export { type BatchQueue, loaderQueue, stageQueue } from "./pipeline/engine/queue.ts";
export { DivergenceError } from "./pipeline/engine/training/divergence.ts";
export type { StepFailure } from "./pipeline/engine/training/step_failure.ts";
export { train } from "./pipeline/engine/training/trainer.ts";
export type { TrainingLoop } from "./pipeline/engine/training/training_loop.ts";

// Models, backends and ops, and what they stand on.
export * from "./browser.ts";

// Data.
export { createImageDecoder, type ImageDecoder } from "./data/images/decode.ts";
export { type LoadedBatch, Loader, type LoaderOptions } from "./data/loader/loader.ts";
export { type BlockMaskOptions, blockwiseMask } from "./data/augment/mask.ts";
export { openSource } from "./data/sources/open_source.ts";
export type { SourceOptions } from "./data/sources/source_options.ts";
export { resize, type ResizeOptions } from "./data/images/resize.ts";
export type { Source, SourceEntry } from "./data/sources/source.ts";
export { type Transform, transformImage } from "./data/augment/transform.ts";

// Checkpoints.
export {
  convertCheckpoint,
  type ConvertOptions,
  type ConvertReport,
} from "./checkpoints/convert.ts";
export type { ConvertTarget } from "./checkpoints/convert_writers.ts";
export { resolveWeights } from "./checkpoints/hub/download.ts";
export { inspectFile } from "./checkpoints/inspect.ts";
export { exportOnnxFile } from "./checkpoints/onnx/export_onnx.ts";
export { type ModelCheckpoint, openModel } from "./checkpoints/open_model.ts";
export { openPth } from "./checkpoints/pth/pth.ts";
export { openSafetensors } from "./checkpoints/safetensors/safetensors.ts";
export { writeSafetensors } from "./checkpoints/safetensors/safetensors_writer.ts";
export { latestCheckpoint, loadCheckpoint, saveCheckpoint } from "./checkpoints/store/store.ts";
export type { TensorData, TensorFile } from "./checkpoints/tensors/tensor_data.ts";
