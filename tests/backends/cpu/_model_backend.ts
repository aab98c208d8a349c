/** A backend whose products of bfloat16 are machine code, executed by the model of the processor. */

import type { Backend } from "../../../backends/backend.ts";
import type { KernelDescription } from "../../../backends/cpu/code/kernel_builder.ts";
import { createFusedKernels } from "../../../backends/cpu/kernels/kernel_table.ts";
import { usualTiling } from "../../../backends/cpu/products/tile.ts";
import type { Runtime } from "../../../backends/cpu/runtime.ts";
import { ArenaBackend } from "../../../backends/cpu/tfjs/arena_backend.ts";
import { replaceTfjsKernels } from "../../../backends/cpu/tfjs/replace_kernels.ts";
import { ThreadPool } from "../../../backends/cpu/threads/thread_pool.ts";
import { TfjsSlot } from "../../../backends/tfjs/tfjs_slot.ts";
import { modelKernels, openModel } from "./_model_kernels.ts";

/** See the comment of the file; the other kernels are those of WebAssembly. */
export interface ModelBackend extends Backend {
  readonly runtime: Runtime;
  readonly tiles: ReturnType<typeof openModel>["model"]["tiles"];
}

/**
 * @param descriptions kernels for the model
 * @param lanes of the vectors of all kernels that multiply: those of WebAssembly, or 16 if only products in
 *     pairs of bfloat16 are wanted
 */
export function createModelBackend(
  descriptions: readonly KernelDescription[],
  lanes: 4 | 16 = 4,
): ModelBackend {
  const { arena, module, wasmKernels, model } = openModel();
  const kernels = { ...wasmKernels, ...modelKernels(model, descriptions) };
  const source = { arena, module, foreign: null, kernels, tile: usualTiling(lanes) };
  const pool = new ThreadPool(source, null, { threads: 1 });
  const runtime = { tensors: new ArenaBackend(arena, pool), pool };
  const slot = TfjsSlot.register("mimic-cpu-model", runtime.tensors, {
    kernelsOf: "cpu",
    addKernels: replaceTfjsKernels,
  });
  return {
    name: "cpu",
    runtime,
    tiles: model.tiles,
    kernels: createFusedKernels(runtime),
    capabilities: {
      reducedPrecisions: ["bfloat16"],
      threads: 1,
      maxBufferBytes: Infinity,
      memoryBytes: Infinity,
      isHostMemory: true,
      description: "model of a processor",
    },
    run: (work) => slot.run(work),
    sync: () => Promise.resolve(),
    memory: () => ({
      tensors: runtime.tensors.numDataIds(),
      bytes: arena.usedBytes,
      reservedBytes: arena.buffer.byteLength,
      peakBytes: arena.peakBytes,
    }),
    dispose: () => Promise.resolve(slot.remove()),
  };
}
