/** What every run has: seed, batch, precision, checkpoints, log, evaluation, backend. @module */
import { z } from "../../deps/zod.ts";
import { most } from "./most.ts";
import { lossScaleSection } from "./optimization.ts";

const checkpoint = z.strictObject({
  everySteps: z.int().min(1).max(most.steps).nullable().default(null).describe(
    "Steps between checkpoints; null: by `everyEpochs`.",
  ),
  everyEpochs: z.number().positive().max(most.epochs).nullable().default(1).describe(
    "Epochs between checkpoints; null: by `everySteps`. The last step is always saved.",
  ),
  keepLast: z.int().min(1).max(most.count).default(3).describe(
    "Number of latest checkpoints to keep.",
  ),
  keepEvery: z.int().min(1).max(most.steps).nullable().default(null).describe(
    "Checkpoints whose step is a multiple of this are kept for ever.",
  ),
}).describe("When a run saves and what it keeps.");

const log = z.strictObject({
  everySteps: z.int().min(1).max(most.steps).default(1).describe(
    "Steps between lines of `metrics.jsonl`.",
  ),
  progressSeconds: z.number().positive().max(most.seconds).default(10).describe(
    "Seconds between progress lines if the output is not a terminal.",
  ),
  report: z.boolean().default(true).describe(
    "Whether `report.html` is written: the run's curves, pictures, config and data.",
  ),
  reportSeconds: z.number().positive().max(most.seconds).default(30).describe(
    "Seconds between updates of the report, in addition to those at checkpoints and evaluations.",
  ),
  tensorBoard: z.boolean().default(true).describe(
    "Whether TensorBoard event files are written, with at most 10 000 of the steps.",
  ),
}).describe("What a run records.");

const guard = z.strictObject({
  failureBundle: z.boolean().default(true).describe(
    "Whether a non-finite step is kept in `failures/` in the run's directory, for `deno task replay`.",
  ),
  stalledSteps: z.int().min(1).max(most.steps).nullable().default(5000).describe(
    "Steps without a new low of the smoothed loss after which a warning is issued; null: never.",
  ),
  starvedShare: z.number().min(0).max(1).default(0.5).describe(
    "Share of the last 100 steps' time spent waiting for images above which a warning is issued.",
  ),
  spareCheckpoints: z.number().min(1).default(2).describe(
    "Number of further checkpoints that the disk must have room for; below it, a warning is issued.",
  ),
}).describe("What a run monitors; each warning is issued once.");

const pooling = z.enum(["cls", "meanPatches", "clsAndMean"]).default("meanPatches");

const knn = z.strictObject({
  every: z.number().positive().max(most.epochs).nullable().default(null).describe(
    "Epochs between evaluations during training; null: none.",
  ),
  atEnd: z.boolean().default(false).describe("Whether it is measured at the end of the run."),
  k: z.int().min(1).max(most.neighbours).default(20).describe("Neighbours that vote."),
  temperature: z.number().positive().default(0.07).describe(
    "Votes are weighted by exp(similarity / this).",
  ),
  pooling: pooling.describe("What represents an image in the last block."),
}).describe(
  "Accuracy of a vote among nearest neighbours and, with or without labels, the effective rank of the " +
    "features that they are found by, RankMe.",
);

const linear = z.strictObject({
  every: z.number().positive().max(most.epochs).nullable().default(null).describe(
    "Epochs between evaluations during training; null: none.",
  ),
  atEnd: z.boolean().default(false).describe("Whether it is measured at the end of the run."),
  pooling: pooling.describe("What represents an image in the last block."),
}).describe("Accuracy of a linear classifier on frozen features.");

/** When evaluations that no longer improve stop a run, and which value decides. */
function stopOn<const Metrics extends readonly [string, ...string[]]>(metrics: Metrics) {
  return z.strictObject({
    metric: z.enum(metrics).describe("The metric that should increase."),
    patience: z.int().min(1).max(most.count).default(5).describe(
      "Consecutive evaluations without a new best after which the run ends.",
    ),
  }).nullable().default(null).describe(
    "Early stopping: the run ends when one of its evaluation metrics no longer increases, and the weights " +
      "of the best are in best.safetensors; null: the whole schedule.",
  );
}

/** Early stopping for a method with no other evaluation keys. */
export function stoppingEvaluation<const Metrics extends readonly [string, ...string[]]>(
  metrics: Metrics,
) {
  return z.strictObject({ stop: stopOn(metrics) }).describe("What evaluations lead to.");
}

/** Accuracies during and after pretraining. */
export const evaluationSection = z.strictObject({
  knn: knn.prefault({}),
  linear: linear.prefault({}),
  baselines: z.boolean().default(false).describe(
    "Whether raw pixels and the untrained network are also evaluated at the end.",
  ),
  stop: stopOn(["knnTop1", "knnTop5", "linearTop1", "linearTop5"]),
}).describe("How good the features are, measured during and after pretraining.");

/** What is measured of a tokenizer's features, which have no labels. */
export const tokenizerEvaluationSection = z.strictObject({
  rankMe: z.strictObject({
    every: z.number().positive().max(most.epochs).nullable().default(null).describe(
      "Epochs between measurements during training; null: none.",
    ),
    atEnd: z.boolean().default(false).describe("Whether it is measured at the end of the run."),
  }).prefault({}).describe(
    "RankMe, the effective rank of the vectors that the codebook quantizes, on training images.",
  ),
}).describe("How good the features are, measured during and after training.");

const backend = z.strictObject({
  name: z.union([
    z.enum(["auto", "webgpu", "cpu", "reference"]),
    z.templateLiteral(["tfjs:", z.string().min(1)]),
  ]).default("auto").describe(
    "Where to compute: auto, webgpu, cpu, reference, or `tfjs:<name>` for a registered tfjs backend.",
  ),
  threads: z.union([z.literal("auto"), z.int().min(1).max(most.threads)]).default("auto").describe(
    "Threads of the cpu backend; auto: one per core.",
  ),
  memory: z.number().positive().max(most.gigabytes).nullable().default(null).describe(
    "GiB of GPU memory that webgpu may use, and that the micro-batch is chosen for; null: no limit, " +
      "and 8 GiB or the machine's free memory for the choice.",
  ),
  provider: z.enum([
    "auto",
    "wasm",
    "blas",
    "native",
    "native-avx2",
    "native-avx512",
    "native-amx",
  ]).default("auto").describe(
    "Kernels of the cpu backend; auto: the fastest, timed at the first start on a processor; native: " +
      "machine code for the widest vectors, for AVX2, for AVX-512, or for that with tile registers (AMX).",
  ),
  powerPreference: z.enum(["high-performance", "low-power"]).default("high-performance").describe(
    "Which of two GPUs the webgpu backend uses; `deno task doctor` shows them.",
  ),
  implementation: z.enum(["auto", "deno", "dawn"]).default("auto").describe(
    "What the webgpu backend runs on: deno is Deno's own WebGPU; dawn is Chromium's, which reaches a GPU's " +
      "matrix units (51 MB, downloaded with its first use); auto: dawn if it is here and the units compute correctly.",
  ),
}).describe("Where to compute.");

const distributed = z.strictObject({
  wire: z.enum(["float32", "float16"]).default("float32").describe(
    "Number format for gradients sent between ranks; float16 halves the bytes.",
  ),
  bucketMegabytes: z.number().positive().max(most.megabytes).default(25).describe(
    "Megabytes of gradients per message between ranks.",
  ),
  overlap: z.boolean().default(true).describe(
    "Whether gradients are sent during the backward pass, if the backend can provide them then.",
  ),
  timeoutSeconds: z.number().positive().max(most.seconds).default(1800).describe(
    "Seconds after which a rank that the others wait for is given up on, along with the job.",
  ),
}).describe("How several processes train together under mpirun or srun.");

/** Keys that all tasks share. `batchSize` has a different default per task and is set there. */
export const runKeys = {
  $schema: z.string().optional().describe("URL of this schema, for editors."),
  seed: z.int().default(0).describe("Seed of every random draw."),
  variant: z.enum(["mmselfsup", "unilm"]).default("unilm").describe(
    "Whose behaviour is the default wherever mmselfsup and unilm differ; individual options " +
      "(`mask.variant`, `optimizer.noDecayRule`, …) override it one by one.",
  ),
  microBatchSize: z.union([z.literal("auto"), z.int().min(1).max(most.images)]).default("auto")
    .describe(
      "Images per forward pass; gradients are accumulated up to `batchSize`. auto: as memory allows.",
    ),
  recompute: z.int().min(0).max(most.blocks).default(0).describe(
    "Number of blocks, from the first, that keep only their input for the backward pass and run twice: " +
      "less memory, up to a third more time, the same numbers.",
  ),
  precision: z.enum(["auto", "amp", "float32"]).default("auto").describe(
    "amp: reduced precision with float32 master weights; auto: amp where the backend has a reduced format " +
      "and, on the CPU, a step of the model is faster with it.",
  ),
  lossScale: lossScaleSection.prefault({}),
  checkpoint: checkpoint.prefault({}),
  log: log.prefault({}),
  guard: guard.prefault({}),
  backend: backend.prefault({}),
  distributed: distributed.prefault({}),
  output: z.string().nullable().default(null).describe(
    "The run's directory; null: `runs/` and the recipe's name.",
  ),
};

/** `batchSize` with its own default. */
export function batchSizeOf(value: number) {
  return z.int().min(1).max(most.images).default(value).describe(
    "Images per optimizer step, over all micro-batches and processes.",
  );
}

/** When features are evaluated, and how. */
export type EvaluationConfig = z.output<typeof evaluationSection>;
