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
  keepLast: z.int().min(1).max(most.count).default(3).describe("Newest checkpoints that are kept."),
  keepEvery: z.int().min(1).max(most.steps).nullable().default(null).describe(
    "Checkpoints whose step is a multiple of this are kept for ever.",
  ),
}).describe("When a run saves and what it keeps.");

const log = z.strictObject({
  everySteps: z.int().min(1).max(most.steps).default(1).describe(
    "Steps between lines of `metrics.jsonl`.",
  ),
  progressSeconds: z.number().positive().max(most.seconds).default(10).describe(
    "Seconds between progress lines where the output is no terminal.",
  ),
  report: z.boolean().default(true).describe(
    "Whether `report.html` is written: the curves, pictures, config and data of the run.",
  ),
  reportSeconds: z.number().positive().max(most.seconds).default(30).describe(
    "Seconds between renewals of the report, beside those at checkpoints and evaluations.",
  ),
  tensorBoard: z.boolean().default(true).describe(
    "Whether TensorBoard's event files are written, with at most 10 000 of the steps.",
  ),
}).describe("What a run writes down.");

const guard = z.strictObject({
  failureBundle: z.boolean().default(true).describe(
    "Whether a step that is not finite is kept in `failures/` of the run, for `deno task replay`.",
  ),
  stalledSteps: z.int().min(1).max(most.steps).nullable().default(5000).describe(
    "Steps without a new low of the smoothed loss after which a warning says so; null: never.",
  ),
  starvedShare: z.number().min(0).max(1).default(0.5).describe(
    "Share of the last 100 steps' time spent waiting for images above which a warning says so.",
  ),
  spareCheckpoints: z.number().min(1).default(2).describe(
    "Checkpoints that the disk must have room for, beside those it holds, or a warning says so.",
  ),
}).describe("What a run watches itself for; each warning is given once.");

const pooling = z.enum(["cls", "meanPatches", "clsAndMean"]).default("meanPatches");

const knn = z.strictObject({
  every: z.number().positive().max(most.epochs).nullable().default(null).describe(
    "Epochs between evaluations during training; null: none.",
  ),
  atEnd: z.boolean().default(false).describe("Whether the run ends with it."),
  k: z.int().min(1).max(most.neighbours).default(20).describe("Neighbours that vote."),
  temperature: z.number().positive().default(0.07).describe("Votes weigh exp(similarity / this)."),
  pooling: pooling.describe("What of the last block represents an image."),
}).describe("Accuracy of the nearest neighbours' vote.");

const linear = z.strictObject({
  every: z.number().positive().max(most.epochs).nullable().default(null).describe(
    "Epochs between evaluations during training; null: none.",
  ),
  atEnd: z.boolean().default(false).describe("Whether the run ends with it."),
  pooling: pooling.describe("What of the last block represents an image."),
}).describe("Accuracy of a linear classifier on frozen features.");

/** When evaluations that no longer improve stop a run, and which value decides. */
function stopOn<const Metrics extends readonly [string, ...string[]]>(metrics: Metrics) {
  return z.strictObject({
    metric: z.enum(metrics).describe("The figure that is to rise."),
    patience: z.int().min(1).max(most.count).default(5).describe(
      "Evaluations in a row without a new best that end the run.",
    ),
  }).nullable().default(null).describe(
    "Early stopping: the run ends when a figure of its evaluations no longer rises, and the weights " +
      "of the best are in best.safetensors; null: the whole schedule.",
  );
}

/** Early stopping for a method with no other evaluation keys. */
export function stoppingEvaluation<const Metrics extends readonly [string, ...string[]]>(
  metrics: Metrics,
) {
  return z.strictObject({ stop: stopOn(metrics) }).describe("What follows from evaluations.");
}

/** Accuracies during and after pretraining. */
export const evaluationSection = z.strictObject({
  knn: knn.prefault({}),
  linear: linear.prefault({}),
  baselines: z.boolean().default(false).describe(
    "Whether raw pixels and the untrained network are evaluated beside it at the end.",
  ),
  stop: stopOn(["knnTop1", "knnTop5", "linearTop1", "linearTop5"]),
}).describe("What the features are worth, measured during and after pretraining.");

const backend = z.strictObject({
  name: z.union([
    z.enum(["auto", "webgpu", "cpu", "reference"]),
    z.templateLiteral(["tfjs:", z.string().min(1)]),
  ]).default("auto").describe(
    "Where to compute: auto, webgpu, cpu, reference, or `tfjs:<name>` for a registered tfjs backend.",
  ),
  threads: z.union([z.literal("auto"), z.int().min(1).max(most.threads)]).default("auto").describe(
    "Threads of the cpu backend; auto: one a core.",
  ),
  memory: z.number().positive().max(most.gigabytes).nullable().default(null).describe(
    "GiB of GPU memory that webgpu may use, and that the micro-batch is chosen for; null: no bound, " +
      "and 8 GiB or the machine's free memory for the choice.",
  ),
  provider: z.enum(["auto", "wasm", "blas", "native", "native-avx2"]).default("auto").describe(
    "Kernels of the cpu backend; native: machine code for the widest vectors, or for those of AVX2.",
  ),
  powerPreference: z.enum(["high-performance", "low-power"]).default("high-performance").describe(
    "Which GPU the webgpu backend takes where there are two; `deno task doctor` shows them.",
  ),
}).describe("Where to compute.");

const distributed = z.strictObject({
  wire: z.enum(["float32", "float16"]).default("float32").describe(
    "Number format of gradients between ranks; float16 halves the bytes.",
  ),
  bucketMegabytes: z.number().positive().max(most.megabytes).default(25).describe(
    "Megabytes of gradients in one message between ranks.",
  ),
  overlap: z.boolean().default(true).describe(
    "Whether gradients travel while the backward pass goes on, where the backend can hand them out.",
  ),
  timeoutSeconds: z.number().positive().max(most.seconds).default(1800).describe(
    "Seconds after which a rank that the others wait for is given up, and the job with it.",
  ),
}).describe("How several processes train together under mpirun or srun.");

/** Keys that all tasks share. `batchSize` has a different default per task and is set there. */
export const runKeys = {
  $schema: z.string().optional().describe("Address of this schema, for editors."),
  seed: z.int().default(0).describe("Seed of every random draw."),
  variant: z.enum(["mmselfsup", "unilm"]).default("unilm").describe(
    "Whose behaviour is the default wherever mmselfsup and unilm differ; single options beside it " +
      "(`mask.variant`, `optimizer.noDecayRule`, …) override it one by one.",
  ),
  microBatchSize: z.union([z.literal("auto"), z.int().min(1).max(most.images)]).default("auto")
    .describe(
      "Images per forward pass; gradients are accumulated up to `batchSize`. auto: by memory.",
    ),
  recompute: z.int().min(0).max(most.blocks).default(0).describe(
    "Blocks, from the first on, that keep only their input for the backward pass and run twice: " +
      "less memory, up to a third more time, the same numbers.",
  ),
  precision: z.enum(["auto", "amp", "float32"]).default("auto").describe(
    "amp: reduced precision with float32 masters; auto: amp where the backend has it.",
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
