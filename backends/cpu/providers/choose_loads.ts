/**
 * Chooses between the two kernels for products in WebAssembly: with fewer shuffles, or with fewer loads. Both give the
 * same bits, and which is faster depends on where the processor does either.
 *
 * @module
 */

import { now } from "../../../core/clock.ts";
import {
  inProcess,
  keptOrMeasured,
  type MeasurementStore,
} from "../../../core/measurement_store.ts";
import { timeInTurns } from "../../../core/time_in_turns.ts";
import { type Arena, zerosOffset } from "../memory/arena.ts";
import type { ArenaMemory } from "../memory/arena_memory.ts";
import { descriptionsFor } from "../products/gemm/description.ts";
import { encodeKernels, hasRelaxedSimd } from "../wasm/encode_kernels.ts";
import { instantiateKernels } from "../wasm/instantiate_kernels.ts";

/** `loadsMore` must be this much faster than the usual kernel: less may be noise. */
const leastGain = 1.05;

/** A product of whole tiles, about a tenth of a millisecond. */
const [rows, columns, depth] = [60, 64, 256];
/** An engine compiles a kernel again, for speed, after its first calls, on a thread that may have to wait. */
const warmingSeconds = 0.02;
const turns = 60;
/** A larger difference between them means that one is not compiled for speed yet. */
const mostDifference = 1.6;
const mostAttempts = 5;

/** Seconds that the same product takes with each kernel. */
export interface LoadTimes {
  readonly usual: number;
  readonly loadsMore: number;
}

/** What the choice is made with. */
export interface LoadsSearch {
  readonly arena: Arena;
  readonly memory: ArenaMemory;
  /** Identifies the processor and its kernels. */
  readonly key: string;
  readonly measurements?: MeasurementStore | undefined;
  /** Replaced in tests. */
  readonly time?: typeof timeLoads;
}

/** Whether products are clearly faster with more loads: what was measured on this processor before, or is now. */
export async function isFasterWithMoreLoads(
  { arena, memory, key, measurements = inProcess, time = timeLoads }: LoadsSearch,
): Promise<boolean> {
  const measure = () => time(memory, arena);
  const what = `cpu wasm loads, ${rows}x${columns}x${depth}`;
  const measurement = { key: `${what}, ${key}`, read: readTimes, measure };
  const { usual, loadsMore } = await keptOrMeasured(measurement, measurements);
  return loadsMore * leastGain <= usual && areComparable({ usual, loadsMore });
}

function areComparable({ usual, loadsMore }: LoadTimes): boolean {
  return Math.max(usual, loadsMore) <= mostDifference * Math.min(usual, loadsMore);
}

/** Times both in a module of their own, since the one with all kernels holds either. */
export async function timeLoads(memory: ArenaMemory, arena: Arena): Promise<LoadTimes> {
  const kernels = [false, true].map((loadsMore) => {
    const [{ build }] = descriptionsFor(undefined, loadsMore);
    return { name: loadsMore ? "loadsMore" : "usual", build };
  });
  const module = await WebAssembly.compile(encodeKernels(kernels, memory, hasRelaxedSimd()));
  const table = instantiateKernels(module, memory.memory);
  const floats = rows * depth + depth * columns + 2 * rows * columns;
  const block = arena.allocate(floats * 4);
  try {
    // Ones and their like: denormal numbers would be slower.
    new Float32Array(arena.buffer as ArrayBuffer, block.offset, floats).fill(1);
    const b = block.offset + rows * depth * 4;
    const c = b + depth * columns * 4;
    const edge = c + rows * columns * 4;
    const runs = [table.usual, table.loadsMore].map((multiply) => () =>
      multiply(
        depth,
        ...[block.offset, b, c, columns * 4, rows, columns],
        ...[zerosOffset, 0, 0, edge],
      )
    );
    let times = { usual: 0, loadsMore: Infinity };
    for (let attempt = 0; attempt < mostAttempts && !areComparable(times); attempt++) {
      const end = now() + warmingSeconds;
      while (now() < end) for (const run of runs) run();
      const [usual, loadsMore] = timeInTurns(runs, { turns });
      times = { usual, loadsMore };
    }
    return times;
  } finally {
    arena.free(block);
  }
}

/** What was kept, if it is two times: it comes from outside. */
function readTimes(kept: unknown): LoadTimes | null {
  const { usual, loadsMore } = (kept ?? {}) as Partial<Record<keyof LoadTimes, unknown>>;
  const areTimes = [usual, loadsMore].every((time) => typeof time === "number" && time > 0);
  return areTimes ? kept as LoadTimes : null;
}
