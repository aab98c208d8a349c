/** What the fused kernels of this backend work with. @module */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { ArenaBackend } from "./tfjs/arena_backend.ts";
import type { ThreadPool } from "./threads/thread_pool.ts";

/** The tensors' home and the threads; passed to every fused kernel. */
export interface Runtime {
  readonly tensors: ArenaBackend;
  readonly pool: ThreadPool;
}

/** Calls `use` with the address of temporary memory. */
export function withScratch<T>(
  { tensors: { arena } }: Runtime,
  bytes: number,
  use: (address: number) => T,
): T {
  const block = arena.allocate(bytes);
  try {
    return use(block.offset);
  } finally {
    arena.free(block);
  }
}

/** The address of a tensor's values, or 0 for no tensor. */
export function addressOf({ tensors }: Runtime, tensor: Tensor | null): number {
  return tensor === null ? 0 : tensors.pointerTo(tensor);
}

/** The same values under another shape; frees `tensor`. */
export function reshape(tensor: Tensor, shape: number[]): Tensor {
  const result = tf.reshape(tensor, shape);
  tensor.dispose();
  return result;
}
