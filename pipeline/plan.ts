/**
 * What a run will cost, computed before it starts: `--dry-run` prints it, and the micro-batch follows
 * from it.
 *
 * @module
 */

/** The sizes that decide the memory of a transformer's training step. */
export interface ModelFootprint {
  /** Numbers in all trained parameters. */
  readonly parameters: number;
  /** Numbers in frozen models that are held beside it (tokenizer, teacher). */
  readonly frozenParameters: number;
  /** Tokens of a sequence, the cls token included. */
  readonly tokens: number;
  readonly embedDim: number;
  readonly mlpRatio: number;
  /** Blocks that a sequence passes, those of the aggregation branch included. */
  readonly blocks: number;
}

/** Memory of a step in bytes, by what holds it. */
export interface MemoryPlan {
  readonly weights: number;
  readonly gradients: number;
  readonly optimizer: number;
  readonly frozen: number;
  readonly activations: number;
  readonly total: number;
}

const bytesPerNumber = 4;

/**
 * Bytes of activations that one image keeps until its backward pass: in every block the inputs of
 * both norms, their outputs, q, k and v, the attention's output, both branches' outputs and the two
 * hidden layers of the MLP.
 */
export function activationBytesPerImage(model: ModelFootprint): number {
  const perToken = (10 + 2 * model.mlpRatio) * model.embedDim;
  return model.blocks * model.tokens * perToken * bytesPerNumber;
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
export function planMemory(model: ModelFootprint, microBatch: number): MemoryPlan {
  const weights = model.parameters * bytesPerNumber;
  const gradients = weights;
  const optimizer = 2 * weights;
  const frozen = model.frozenParameters * bytesPerNumber;
  const activations = microBatch * activationBytesPerImage(model);
  const total = weights + gradients + optimizer + frozen + activations;
  return { weights, gradients, optimizer, frozen, activations, total };
}

/** The largest divisor of the batch whose step fits into `budgetBytes`; at least 1. */
export function largestMicroBatch(
  model: ModelFootprint,
  batch: number,
  budgetBytes: number,
): number {
  for (let parts = 1; parts < batch; parts++) {
    if (batch % parts !== 0) continue;
    if (planMemory(model, batch / parts).total <= budgetBytes) return batch / parts;
  }
  return 1;
}
