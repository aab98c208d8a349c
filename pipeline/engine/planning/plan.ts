/**
 * What a run will cost, computed before it starts: `--dry-run` prints it, and the micro-batch follows
 * from it. `bench/memory.ts` compares it with what is measured.
 *
 * @module
 */

/** The sizes that decide the memory of a transformer's training step. */
export interface ModelFootprint {
  /** Numbers in all trained parameters. */
  readonly parameters: number;
  /** Numbers in the largest of them: what a checkpoint holds a copy of while it is written; 0 by default. */
  readonly largestParameter?: number;
  /** Tables of relative positions, each laid out for every pair of tokens; none by default. */
  readonly positions?: { readonly tables: number; readonly heads: number };
  /** Numbers in frozen models that are held beside it (tokenizer, teacher). */
  readonly frozenParameters: number;
  /** Tokens of a sequence, the cls token included. */
  readonly tokens: number;
  readonly embedDim: number;
  readonly mlpRatio: number;
  /** Blocks that a sequence passes, those of the aggregation branch included. */
  readonly blocks: number;
  /** Share of the tokens that the last block of a branch goes on with after attention; 1 by default. */
  readonly finalShare?: number;
  /** Branches, each with a last block; 1 by default. */
  readonly branches?: number;
  /** Logits of an image at one head: masked patches times codes; 0 by default. */
  readonly logits?: number;
}

/** How a step runs, as far as its memory goes. */
export interface StepOptions {
  /** Bytes of a number that is kept for the backward pass: 2 where it is stored as float16. */
  readonly activationBytes?: 2 | 4;
  /** Blocks that keep only their input. */
  readonly recompute?: number;
  /** Whether gradients of several micro-batches are summed. */
  readonly accumulates?: boolean;
}

/** Memory of a step in bytes, by what holds it. */
export interface MemoryPlan {
  readonly weights: number;
  readonly gradients: number;
  readonly optimizer: number;
  readonly frozen: number;
  readonly activations: number;
  /** What writing a checkpoint adds: its tensors are read back one by one. */
  readonly saving: number;
  /** The most at once: all of the above. */
  readonly peak: number;
}

/** What is known of a run that was planned. */
export interface PlannedRun {
  readonly batch: number;
  readonly microBatch: number;
  readonly totalSteps: number;
  readonly memory: MemoryPlan;
}

const bytesPerNumber = 4;

/**
 * Numbers per token and channel that are held outside the blocks when the backward pass begins: the
 * embedded tokens, and, of the tokens wanted at the end, both branches before and after the shared norm
 * and the first gradients.
 */
function heldOutside({ finalShare = 1 }: ModelFootprint): number {
  return 4 + 8 * finalShare;
}

/** Logits are made a stretch at a time, with their gradient beside them. */
const mostLogitBytes = 2 ** 26;

/**
 * Numbers per token and channel that a block keeps: the inputs of both norms, their outputs, q, k and v,
 * the attention's output, both branches' outputs and the two hidden layers of the MLP.
 */
function keptByBlock({ mlpRatio }: ModelFootprint): number {
  return 10 + 2 * mlpRatio;
}

/** The blocks, the last of each branch as that part of a whole one which it keeps. */
function wholeBlocks(model: ModelFootprint): number {
  const { blocks, finalShare = 1, branches = 1 } = model;
  // The input, its norm, q, k and v and the attention's output are there for every token.
  const left = (keptByBlock(model) - 6) * (1 - finalShare);
  return blocks - branches * left / keptByBlock(model);
}

/** The biases of all pairs of tokens, of every table, and the gradient of one: the same for any batch. */
function positionBytes({ tokens, positions }: ModelFootprint): number {
  if (positions === undefined || positions.tables === 0) return 0;
  return (positions.tables + 1) * positions.heads * tokens ** 2 * bytesPerNumber;
}

/** Bytes of what is kept for, and made on, the way back: the larger of its beginning and a recomputed block. */
function activationBytes(model: ModelFootprint, microBatch: number, options: StepOptions): number {
  const { activationBytes = bytesPerNumber, recompute = 0 } = options;
  const numbers = microBatch * model.tokens * model.embedDim;
  const blocks = wholeBlocks(model);
  const again = Math.min(recompute, blocks);
  // A block that runs again needs its input exactly.
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
  // While a micro-batch's are made, the sum of those before is held.
  const gradients = model.parameters * bytesPerNumber * (options.accumulates ? 2 : 1);
  const optimizer = 2 * model.parameters * bytesPerNumber;
  const frozen = model.frozenParameters * bytesPerWeight;
  const activations = activationBytes(model, microBatch, options);
  // The copy of one tensor, and of the one before, which the runtime has not taken back yet.
  const saving = 2 * (model.largestParameter ?? 0) * bytesPerNumber;
  const peak = weights + gradients + optimizer + frozen + activations + saving;
  return { weights, gradients, optimizer, frozen, activations, saving, peak };
}

/** Bytes of the largest activation: the hidden layer of the MLP, or q, k and v. */
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
  /** Of a single tensor; default: no bound. */
  readonly tensorBytes?: number;
  /** Images; default: no bound. */
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
