/**
 * How fast each provider is: a matrix product and elementwise work, in the proportion that a training step
 * has them. One thread does it, for all share the work in the same way.
 *
 * @module
 */

import type { Precision } from "../../backend.ts";
import { timeInTurns } from "../../../core/time_in_turns.ts";
import { multiplyMatrices } from "../products/multiply_matrices.ts";
import type { Runtime } from "../runtime.ts";
import { ArenaBackend } from "../tfjs/arena_backend.ts";
import { ThreadPool } from "../threads/thread_pool.ts";
import type { Provider, ProviderGround } from "./candidates.ts";
import { tilingOf } from "./foreign_kernels.ts";

/** A product of a fraction of a millisecond, so that most turns pass without an interruption. */
const [rows, columns, usualDepth] = [192, 512, 256];
/** Passes over the product's result that take about a quarter of the time, as in a step. */
const elementwisePasses = 4;
const turns = 16;

/** What is timed, for the key under which the result is kept. */
export const timedWork = [rows, columns, usualDepth, elementwisePasses].join("x");

/** A number format that a provider's kernels have. */
export type Format = Extract<Precision, "float32" | "bfloat16">;

/** The formats of a table of kernels: float32, and the reduced ones. */
export function formatsOf(kernels: object): Format[] {
  return ["float32", ...("gemmBlockOfPairs" in kernels ? ["bfloat16"] as const : [])];
}

/** What was measured of one provider in one format. */
export interface ProviderTime {
  readonly provider: string;
  readonly format: Format;
  readonly milliseconds: number;
}

/** What is timed, if not the usual work. */
export interface TimedWork {
  /** Of the product. */
  readonly depth?: number;
  /** Default: all that a provider has. */
  readonly formats?: readonly Format[];
}

/** Times providers by name, in turns. */
export type TimeProviders = (
  providers: ReadonlyMap<string, Provider>,
  ground: ProviderGround & { readonly module: WebAssembly.Module },
  work?: TimedWork,
) => ProviderTime[];

/** Runs all of them a few times, less than a tenth of a second altogether. */
export const timeProviders: TimeProviders = (
  providers,
  { arena, wasmKernels, module },
  { depth = usualDepth, formats = formatsOf({ gemmBlockOfPairs: true }) } = {},
) => {
  const alternatives = [...providers].flatMap(([provider, { kernels: own, foreign }]) => {
    const kernels = { ...wasmKernels, ...own };
    const tile = tilingOf(foreign);
    const pool = new ThreadPool({ arena, module, foreign, kernels, tile }, null, { threads: 1 });
    const runtime = { tensors: new ArenaBackend(arena, pool), pool };
    const timed = formatsOf(own).filter((format) => formats.includes(format));
    return timed.map((format) => ({ provider, format, runtime }));
  });
  const numbers = rows * depth + depth * columns + 2 * rows * columns;
  const block = arena.allocate(numbers * 4);
  try {
    // Ones and their like: denormal numbers would be slower.
    new Float32Array(arena.buffer as ArrayBuffer, block.offset, numbers).fill(1);
    const milliseconds = timeInTurns(
      alternatives.map(({ runtime, format }) => () =>
        runSample(runtime, { precision: format, depth }, block.offset)
      ),
      { turns },
    );
    return alternatives.map(({ provider, format }, index) => ({
      provider,
      format,
      milliseconds: milliseconds[index] * 1000,
    }));
  } finally {
    arena.free(block);
  }
};

function runSample(
  runtime: Runtime,
  { precision, depth }: { precision: Format; depth: number },
  address: number,
): void {
  const a = { address };
  const b = { address: a.address + rows * depth * 4 };
  const c = { address: b.address + depth * columns * 4 };
  multiplyMatrices(runtime, [{ rows, columns, depth, a, b, c, precision }]);
  const activated = c.address + rows * columns * 4;
  for (let pass = 0; pass < elementwisePasses; pass++) {
    runtime.pool.kernels.gelu(c.address, activated, rows * columns);
  }
}
