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
export type { RunCosts, RunSizes } from "./pipeline/engine/planning/plan_run.ts";
export {
  type TokenizerOptions,
  type TokenizerParts,
  type TokenizerResult,
  type TokenizerStages,
  trainTokenizer,
} from "./methods/vqkd/method.ts";
export type { TaughtBatch } from "./methods/vqkd/stages/teach.ts";
export {
  finetune,
  type FinetuneOptions,
  type FinetuneParts,
  type FinetuneResult,
  type FinetuneStages,
} from "./methods/classify/method.ts";
export type { MixedBatch } from "./methods/classify/stages/mix.ts";
export type { ClassifiedBatch } from "./methods/classify/stages/classify.ts";
export type { BestModel } from "./methods/classify/evaluation.ts";
export {
  linearProbe,
  type LinearProbeOptions,
  type LinearProbeParts,
  type LinearProbeResult,
  type LinearProbeStages,
} from "./methods/probe/method.ts";
export type { ProbeAccuracy } from "./methods/probe/evaluation.ts";
export type { ExtractedBatch } from "./methods/probe/stages/probe.ts";
export {
  segment,
  type SegmentOptions,
  type SegmentParts,
  type SegmentResult,
  type SegmentStages,
} from "./methods/segment/method.ts";
export type { LabelQuality } from "./pipeline/evaluation/segmentation.ts";
export type { BestSegmenter } from "./methods/segment/evaluation.ts";
export type { AnnotatedBatch, SegmentedBatch } from "./methods/segment/stages/segment.ts";
export { knn, type KnnAccuracy, type KnnResult, type KnnTaskOptions } from "./tasks/knn.ts";
export { type ClassAccuracy, evaluate, type EvaluateResult } from "./tasks/evaluate.ts";
export type { InferenceOptions } from "./tasks/inference.ts";
export { replayFailure, type ReplayOptions, type ReplayResult } from "./methods/replay.ts";
export type { FoundTensor } from "./pipeline/engine/recording/failure_bundle.ts";
export { type Guess, predict, type Prediction, type PredictOptions } from "./tasks/predict.ts";
export { features, type FeaturesOptions, type FeaturesResult } from "./tasks/features.ts";
export { type PictureKind, visualize, type VisualizeOptions } from "./tasks/visualize/visualize.ts";
export {
  type TokenizedImage,
  tokenizeImages,
  type TokenizeOptions,
  type TokenizeResult,
} from "./tasks/tokens/tokenize_images.ts";
export type { TokenizerInferenceOptions } from "./tasks/tokens/with_tokenizer.ts";
export {
  type LoadedEncoder,
  loadEncoder,
  type ReadOptions,
} from "./pipeline/weights/load_encoder.ts";
export type { PositionTarget } from "./checkpoints/formats/adapt_positions.ts";
export { loadTokenizer } from "./methods/vqkd/load_tokenizer.ts";
// Your own method: see docs/your-own-method.md.
export { pretrainTask } from "./methods/beit/config.ts";
export type { Choosing, ConfigIn, RunConfig, TaskDefinition, TaskWords } from "./configs/task.ts";
export {
  type EncodingModel,
  type EvaluationResults,
  type EvaluationStart,
  FeatureEvaluation,
} from "./methods/beit/evaluation.ts";
export type { Gain } from "./methods/beit/gain.ts";
export { modelFootprint } from "./methods/beit/plan.ts";
export { beitConfig } from "./methods/beit/shape.ts";
export { createOptimizer, type TrainingConfig } from "./pipeline/engine/create_optimizer.ts";
export {
  learningRateSchedule,
  type RunLength,
  runLength,
  type ScheduledConfig,
} from "./pipeline/engine/schedule.ts";
export type { OptimizerConfig, ScheduleConfig } from "./configs/sections/optimization.ts";
export { patchRows } from "./models/patch_rows.ts";
export type { MemoryPlan, ModelFootprint, PlannedRun } from "./pipeline/engine/planning/plan.ts";
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
export type {
  CropAugment,
  DataConfig,
  InterpolationName,
  MaskConfig,
  TwoViewAugment,
} from "./configs/sections/data.ts";
export type { PictureRow, PictureSheet, Rgb } from "./report/picture_sheet.ts";
export { maskColor, overPatches } from "./report/picture_sheet.ts";
export type { RgbPicture } from "./report/png.ts";
export type { MethodOptions, RunOptions, StagesOf } from "./pipeline/engine/run_options.ts";
export { type EngineOutcome, runMethod } from "./pipeline/engine/run_method.ts";
export type { StoppedEarly } from "./pipeline/engine/training/early_stop.ts";
export type { TransformerSizes } from "./pipeline/engine/computing/time_step.ts";
export type * from "./pipeline/engine/method.ts";
export type { WeightAverage } from "./pipeline/engine/training/average.ts";
export type { MicroBatch } from "./data/loader/sampler.ts";
export type { DiskPlan } from "./pipeline/engine/planning/plan_disk.ts";
export { type FeatureSet } from "./pipeline/evaluation/features.ts";
export { type Accuracy, knnAccuracy, type KnnOptions } from "./pipeline/evaluation/knn.ts";
export { linearAccuracy } from "./pipeline/evaluation/linear.ts";

// Configs and recipes.
export { resolveConfig, type ResolvedConfig } from "./methods/configs.ts";
export type { ResolveOptions } from "./configs/resolve.ts";
export type { Override } from "./configs/overrides.ts";
export { parseConfig } from "./methods/configs.ts";
export type { ParsedConfig } from "./configs/parse.ts";
export type { RawConfig } from "./configs/layers.ts";
export { recipeNames } from "./configs/recipes.ts";
export type { Config, ConfigOf, Task } from "./methods/mod.ts";
export type { PretrainConfig } from "./methods/beit/config.ts";
export type { FinetuneConfig } from "./methods/classify/config.ts";
export type { LinearProbeConfig } from "./methods/probe/config.ts";
export type { SegmentConfig } from "./methods/segment/config.ts";
export type { TokenizerConfig } from "./methods/vqkd/config.ts";

// The pipeline and its stages.
export {
  type AnyStage,
  type DeviceContext,
  type HostContext,
  type HostStage,
  Pipeline,
  pipeline,
  type Stage,
  type StageTypes,
  type StepContext,
} from "./pipeline/stage.ts";
export type {
  AugmentedBatch,
  EncodedBatch,
  FileBatch,
  ImageFile,
  LossOutput,
  MaskedBatch,
  StepOutput,
  StepPlace,
  TokenizedBatch,
} from "./pipeline/batch.ts";
export type { RunEvent, RunListener, StepMetrics, WarningKind } from "./pipeline/engine/events.ts";
export type { RunHook } from "./pipeline/engine/recording/hooks.ts";
export type { LoggerOptions } from "./report/loggers/log_sender.ts";
export { mlflowLogger, type MlflowOptions } from "./report/loggers/mlflow.ts";
export { wandbLogger, type WandbOptions } from "./report/loggers/wandb.ts";
export { load, type LoadOptions } from "./pipeline/load.ts";
export { augment } from "./pipeline/augment.ts";
export { mask } from "./pipeline/mask.ts";
export { imageTensor, type PatchTokenizer, tokenize } from "./pipeline/tokenize.ts";
export { encode } from "./pipeline/encode.ts";
export type { Normalization } from "./data/images/normalize.ts";
export { loss } from "./pipeline/loss.ts";
export { optimize } from "./pipeline/optimize/mod.ts";
export type { GradientTraffic } from "./pipeline/optimize/gradient_buckets.ts";
export {
  Optimizer,
  type OptimizerOptions,
  type RateOfScale,
  type Updater,
} from "./pipeline/optimize/optimizer.ts";
export {
  type NoDecayRule,
  type ParameterGroup,
  type ParameterGroupOptions,
  parameterGroups,
  type ParameterShape,
} from "./pipeline/optimize/parameter_groups.ts";
export { everyEpoch } from "./core/schedules/every_epoch.ts";
export { mmengineCosine } from "./core/schedules/mmengine_cosine.ts";
export { poly } from "./core/schedules/poly.ts";
export type { LearningRateSchedule, WarmupOptions } from "./core/schedules/schedule.ts";
export { unilmCosine } from "./core/schedules/unilm_cosine.ts";
export {
  type BatchQueue,
  loaderQueue,
  stageQueue,
  type StageQueueOptions,
} from "./pipeline/engine/queue.ts";
export { DivergenceError } from "./pipeline/engine/training/divergence.ts";
export type { StepFailure } from "./pipeline/engine/training/step_failure.ts";
export type { HostTensor } from "./pipeline/engine/training/examine.ts";
export { train } from "./pipeline/engine/training/trainer.ts";
export type { TrainingLoop } from "./pipeline/engine/training/training_loop.ts";

// Models, backends and ops, and what they are built on.
export * from "./browser.ts";

// Data.
export { createImageDecoder, type ImageDecoder } from "./data/images/decode.ts";
export type { DecodeOptions } from "./data/images/format_decoder.ts";
export { BatchMaker, type FileAt, type KnownFiles } from "./data/loader/batch_maker.ts";
export { type LoadedBatch, Loader, type LoaderOptions } from "./data/loader/loader.ts";
export type { BatchMakerOptions, MadeBatch, SkippedFile } from "./data/loader/loader_options.ts";
export type { SampleFile, StoredFile } from "./data/loader/sample_file.ts";
export type { SamplePlanOptions } from "./data/loader/sample_plan.ts";
export { type BlockMaskOptions, blockwiseMask } from "./data/augment/mask.ts";
export { openSource } from "./data/sources/open_source.ts";
export type { SourceOptions } from "./data/sources/source_options.ts";
export type { LabelRule } from "./data/sources/layout.ts";
export { type Interpolation, resize, type ResizeOptions } from "./data/images/resize.ts";
export type { PillowFilter } from "./data/images/coefficients.ts";
export type { SampleLocation, Source, SourceEntry } from "./data/sources/source.ts";
export {
  type TestTransform,
  type TrainTransform,
  type Transform,
  transformImage,
  type Views,
} from "./data/augment/transform.ts";
export type { RandomErasingOptions } from "./data/augment/random_erasing.ts";
export type { AugmentStyle, RandAugmentOptions } from "./data/augment/rand_augment.ts";
export type { JitterStrength } from "./data/augment/color_jitter.ts";
export type { SegmentationTransform } from "./data/augment/segmentation_transform.ts";
export type { RgbImage } from "./data/images/image.ts";
export type { LabelMap } from "./data/sources/label_map.ts";

// Checkpoints.
export {
  convertCheckpoint,
  type ConvertOptions,
  type ConvertReport,
} from "./checkpoints/convert.ts";
export type { Preprocessing, ResizeFilter } from "./checkpoints/hub/preprocessing.ts";
export type { ModelFormat } from "./checkpoints/formats/model_format.ts";
export type { ConvertDType } from "./checkpoints/tensors/convert_dtype.ts";
export type { ConvertTarget } from "./checkpoints/convert_writers.ts";
export { type DownloadOptions, resolveWeights } from "./checkpoints/hub/download.ts";
export { inspectFile, type Inspection, type TensorEntry } from "./checkpoints/inspect.ts";
export type { VisionFile, VisionPreparation } from "./checkpoints/onnx/vision_file.ts";
export type { FeatureLayout, FeatureOutput, VisionGraph } from "./checkpoints/onnx/vision_graph.ts";
export type { OnnxContent, OnnxValue } from "./checkpoints/onnx/read_onnx.ts";
export {
  exportOnnxFile,
  type OnnxOptions,
  type OnnxOutput,
} from "./checkpoints/onnx/export_onnx.ts";
export type { OnnxPrecision } from "./checkpoints/onnx/graph_builder.ts";
export {
  type LoadReport,
  type ModelCheckpoint,
  openModel,
  type OpenModelOptions,
} from "./checkpoints/open_model.ts";
export type { FitReport } from "./checkpoints/formats/expected_tensors.ts";
export type { ModelKind, ModelShape } from "./checkpoints/formats/model_shape.ts";
export type { ModelFamily } from "./checkpoints/formats/families/mod.ts";
export { openPth, type PthFile } from "./checkpoints/pth/pth.ts";
export type {
  PickleDict,
  PickleGlobal,
  PickleObject,
  PickleTuple,
  PickleValue,
  StorageReference,
  TensorReference,
} from "./checkpoints/pth/pickle_values.ts";
export { openSafetensors } from "./checkpoints/safetensors/safetensors.ts";
export {
  type NamedTensors,
  writeSafetensors,
} from "./checkpoints/safetensors/safetensors_writer.ts";
export {
  type Checkpoint,
  type CheckpointContent,
  latestCheckpoint,
  loadCheckpoint,
  type LoadedCheckpoint,
  type Retention,
  saveCheckpoint,
  type SavedCheckpoint,
} from "./checkpoints/store/store.ts";
export type { JsonValue } from "./checkpoints/store/checkpoint_manifest.ts";
export type {
  DType,
  LazyTensor,
  TensorArray,
  TensorData,
  TensorFile,
  TensorInfo,
  TensorMap,
} from "./checkpoints/tensors/tensor_data.ts";
