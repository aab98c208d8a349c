/**
 * What a run will cost, computed before it starts: `--dry-run` prints it, and the micro-batch is chosen from
 * it. `bench/memory.ts` compares it with measurements.
 *
 * @module
 */

/** The sizes that determine the memory of a transformer's training step. */
export interface ModelFootprint {
  /** Values in all trained parameters. */
  readonly parameters: number;
  /** Values in the largest of them, of which a checkpoint holds a copy while it is written; default: 0. */
  readonly largestParameter?: number;
  /** Relative-position tables, each expanded to every pair of tokens; default: none. */
  readonly positions?: { readonly tables: number; readonly heads: number };
  /** Values in frozen models held alongside it (tokenizer, teacher). */
  readonly frozenParameters: number;
  /** Tokens in a sequence, including the cls token. */
  readonly tokens: number;
  /** Width of the tokens. */
  readonly embedDim: number;
  /** Width of an MLP's hidden layer, relative to `embedDim`. */
  readonly mlpRatio: number;
  /** Blocks that a sequence passes through, including those of the aggregation branch. */
  readonly blocks: number;
  /** Share of the tokens with which a branch's last block continues after attention; default: 1. */
  readonly finalShare?: number;
  /** Branches, each with a last block; default: 1. */
  readonly branches?: number;
  /** Logits of one image at one head: masked patches times codes; default: 0. */
  readonly logits?: number;
}

/** How a step runs, as far as its memory is concerned. */
export interface StepOptions {
  /** Bytes of a number kept for the backward pass: 2 if it is stored as float16. */
  readonly activationBytes?: 2 | 4;
  /** Blocks that keep only their input. */
  readonly recompute?: number;
  /** Whether gradients are summed over several micro-batches. */
  readonly accumulates?: boolean;
}

/** Memory of a step in bytes, by use. */
export interface MemoryPlan {
  /** Trained parameters. */
  readonly weights: number;
  /** One for each parameter, and their sum if micro-batches are accumulated. */
  readonly gradients: number;
  /** Two moments for each parameter. */
  readonly optimizer: number;
  /** Models that are not trained. */
  readonly frozen: number;
  /** What the forward pass keeps for the backward pass. */
  readonly activations: number;
  /** What writing a checkpoint adds: its tensors are read back one by one. */
  readonly saving: number;
  /** The peak: all of the above. */
  readonly peak: number;
}

/** What is known about a planned run. */
export interface PlannedRun {
  /** Images in a step. */
  readonly batch: number;
  /** Images in a forward pass. */
  readonly microBatch: number;
  /** Steps of the run. */
  readonly totalSteps: number;
  /** Memory of a step, in bytes. */
  readonly memory: MemoryPlan;
}

const bytesPerNumber = 4;

/**
 * Values per token and channel held outside the blocks when the backward pass starts: the embedded tokens and,
 * for the tokens wanted at the end, both branches before and after the shared norm and the first gradients.
 */
function heldOutside({ finalShare = 1 }: ModelFootprint): number {
  return 4 + 8 * finalShare;
}

/** Logits are computed a chunk at a time, along with their gradient. */
const mostLogitBytes = 2 ** 26;

/**
 * Values per token and channel that a block keeps: the inputs of both norms, their outputs, q, k and v, the
 * attention's output, the outputs of both residual branches and the two hidden layers of the MLP.
 */
function keptByBlock({ mlpRatio }: ModelFootprint): number {
  return 10 + 2 * mlpRatio;
}

/** The blocks, with the last one of each branch counted as the fraction that it keeps. */
function wholeBlocks(model: ModelFootprint): number {
  const { blocks, finalShare = 1, branches = 1 } = model;
  // The input, its norm, q, k and v and the attention's output exist for every token.
  const left = (keptByBlock(model) - 6) * (1 - finalShare);
  return blocks - branches * left / keptByBlock(model);
}

/** The biases of all pairs of tokens, for every table, and the gradient of one: the same for any batch. */
function positionBytes({ tokens, positions }: ModelFootprint): number {
  if (positions === undefined || positions.tables === 0) return 0;
  return (positions.tables + 1) * positions.heads * tokens ** 2 * bytesPerNumber;
}

/** Bytes kept for, and allocated in, the backward pass: the larger of its start and a recomputed block. */
function activationBytes(model: ModelFootprint, microBatch: number, options: StepOptions): number {
  const { activationBytes = bytesPerNumber, recompute = 0 } = options;
  const numbers = microBatch * model.tokens * model.embedDim;
  const blocks = wholeBlocks(model);
  const again = Math.min(recompute, blocks);
  // A recomputed block needs its exact input.
  const inputs = again * bytesPerNumber;
  const whole = keptByBlock(model) * activationBytes;
  const outside = heldOutside(model) * bytesPerNumber;
  const logits = Math.min(microBatch * (model.logits ?? 0) * bytesPerNumber, mostLogitBytes);
  const atBeginning = numbers * ((blocks - again) * whole + inputs + outside) + 2 * logits;
  const inBlock = again === 0 ? 0 : numbers * (inputs + whole + outside);
  return Math.round(Math.max(atBeginning, inBlock)) + positionBytes(model);
}

/**
 * Memory of a training step.
 *
 * @example
 * ```ts
 * import { planMemory } from "./plan.ts";
 * const model = {
 *   parameters: 1000, frozenParameters: 0, tokens: 5, embedDim: 8, mlpRatio: 4, blocks: 1,
 * };
 * if (planMemory(model, 2).optimizer !== 8000) throw new Error("two float32 moments a parameter");
 * ```
 */
export function planMemory(
  model: ModelFootprint,
  microBatch: number,
  options: StepOptions = {},
): MemoryPlan {
  // Products in float16 read a copy of the weights in that format.
  const bytesPerWeight = options.activationBytes === 2 ? 6 : bytesPerNumber;
  const weights = model.parameters * bytesPerWeight;
  // While a micro-batch's gradients are computed, the sum of the previous ones is held.
  const gradients = model.parameters * bytesPerNumber * (options.accumulates ? 2 : 1);
  const optimizer = 2 * model.parameters * bytesPerNumber;
  const frozen = model.frozenParameters * bytesPerWeight;
  const activations = activationBytes(model, microBatch, options);
  // The copy of one tensor, and of the previous one, which the runtime has not reclaimed yet.
  const saving = 2 * (model.largestParameter ?? 0) * bytesPerNumber;
  const peak = weights + gradients + optimizer + frozen + activations + saving;
  return { weights, gradients, optimizer, frozen, activations, saving, peak };
}

/** Bytes of the largest activation: the MLP's hidden layer, or q, k and v. */
export function largestActivationBytes(
  model: ModelFootprint,
  microBatch: number,
  { activationBytes = bytesPerNumber }: StepOptions = {},
): number {
  const channels = model.embedDim * Math.max(model.mlpRatio, 3);
  return microBatch * model.tokens * channels * activationBytes;
}

/** What a micro-batch must fit into. */
export interface MemoryBounds {
  /** Of the whole step. */
  readonly budgetBytes: number;
  /** Of a single tensor; default: no limit. */
  readonly tensorBytes?: number;
  /** Images; default: no limit. */
  readonly images?: number;
}

/** The largest divisor of the batch whose step fits; at least 1. */
export function largestMicroBatch(
  model: ModelFootprint,
  batch: number,
  { budgetBytes, tensorBytes = Infinity, images = Infinity }: MemoryBounds,
  options: Omit<StepOptions, "accumulates"> = {},
): number {
  for (let parts = 1; parts < batch; parts++) {
    const microBatch = batch / parts;
    if (batch % parts !== 0 || microBatch > images) continue;
    if (largestActivationBytes(model, microBatch, options) > tensorBytes) continue;
    const { peak } = planMemory(model, microBatch, { ...options, accumulates: parts > 1 });
    if (peak <= budgetBytes) return microBatch;
  }
  return 1;
}
