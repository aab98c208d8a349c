/** A runtime whose products of bfloat16 are machine code, executed by the model of the processor. */

import type { KernelDescription } from "../../../backends/cpu/code/kernel_builder.ts";
import { tileShape } from "../../../backends/cpu/products/tile.ts";
import type { Runtime } from "../../../backends/cpu/runtime.ts";
import { ArenaBackend } from "../../../backends/cpu/tfjs/arena_backend.ts";
import { replaceTfjsKernels } from "../../../backends/cpu/tfjs/replace_kernels.ts";
import { ThreadPool } from "../../../backends/cpu/threads/thread_pool.ts";
import { TfjsSlot } from "../../../backends/tfjs/tfjs_slot.ts";
import { modelKernels, openModel } from "./_model_kernels.ts";

/** See the comment of the file; the other kernels are those of WebAssembly. */
export interface ModelRuntime extends Runtime {
  readonly tiles: ReturnType<typeof openModel>["model"]["tiles"];
  /** With its tensors as those of tfjs. */
  run<T>(work: () => T): T;
  dispose(): void;
}

/** @param descriptions kernels for the model */
export function openModelRuntime(descriptions: readonly KernelDescription[]): ModelRuntime {
  const { arena, module, wasmKernels, model } = openModel();
  const kernels = { ...wasmKernels, ...modelKernels(model, descriptions) };
  const source = { arena, module, foreign: null, kernels, tile: tileShape(4) };
  const pool = new ThreadPool(source, null, { threads: 1 });
  const tensors = new ArenaBackend(arena, pool);
  const slot = TfjsSlot.register("mimic-cpu-model", tensors, {
    kernelsOf: "cpu",
    addKernels: replaceTfjsKernels,
  });
  return {
    tensors,
    pool,
    tiles: model.tiles,
    run: (work) => slot.run(work),
    dispose: () => slot.remove(),
  };
}
