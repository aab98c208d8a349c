/**
 * Which tilings for attention on matrix units are right on a device, and faster than threads.
 *
 * @module
 */

import { keptOrMeasured, type MeasurementStore } from "../../../../core/measurement_store.ts";
import type { AdapterSummary } from "../../adapter.ts";
import { rightTilings } from "../../compare_results.ts";
import { KernelProfiler } from "../../kernel_profiler.ts";
import { findMatrixUnits } from "../../products/matrix_units.ts";
import type { ShaderRunner } from "../../shaders/shader_runner.ts";
import { attentionKernel } from "./attention.ts";
import type { AttentionTilingChoice } from "./attention_tilings.ts";
import {
  ATTENTION_UNITS,
  type AttentionUnits,
  type AttentionUnitsName,
  NO_ATTENTION_UNITS,
  tilingsThatFit,
  type UnitTilings,
} from "./attention_units.ts";
import { attentionFlawOf } from "./check_attention.ts";

/** The matrix units that attention uses, and why it does not use others. */
export interface ChosenAttentionUnits {
  readonly units: AttentionUnits;
  /** One line for each kernel that was set aside. */
  readonly notes: readonly string[];
}

/** The device whose matrix units are wanted. */
export interface AttentionDevice {
  readonly runner: ShaderRunner;
  readonly summary: AdapterSummary;
  readonly info: GPUAdapterInfo;
  /** How threads divide attention on it. */
  readonly tilings: AttentionTilingChoice;
}

type Way = keyof AttentionUnits;
type Candidate = AttentionUnitsName | "threads";

const LABELS: Record<Way, string> = { forward: "attention", backward: "gradients of attention" };

/** What is timed: heads of ViT-S. */
const TIMED = { samples: 32, tokens: 197, heads: 6, headWidth: 64 };
const ROUNDS = 3;

/**
 * Tries every tiling that fits the device beside attention by threads, sets aside what comes out wrong, and times
 * the rest; the order is kept in `measurements`.
 */
export async function chooseAttentionUnits(
  { runner, summary, info, tilings }: AttentionDevice,
  measurements?: MeasurementStore,
): Promise<ChosenAttentionUnits> {
  const found = findMatrixUnits(summary, info);
  if (found === null) return { units: NO_ATTENTION_UNITS, notes: [] };
  const { isSoftware, limits } = summary;
  const unitsOf = (names: readonly AttentionUnitsName[]): UnitTilings => {
    return { ...found, memory: limits.maxComputeWorkgroupStorageSize, names };
  };
  // A processor that emulates a GPU compiles for seconds, longer for wider heads.
  const headWidth = isSoftware ? 16 : TIMED.headWidth;
  const fitting = tilingsThatFit(unitsOf([]), limits, headWidth);
  const candidates = isSoftware ? fitting.slice(0, 1) : fitting;
  const notes: string[] = [];
  const right = (way: Way) =>
    rightTilings(candidates, LABELS[way], (name) => {
      const units = { ...NO_ATTENTION_UNITS, [way]: unitsOf([name]) };
      return attentionFlawOf(runner, { tilings, units, way, headWidth });
    }, notes);
  const best = async (way: Way) => {
    const names = await right(way);
    const isTimed = runner.runtime.device.features.has("timestamp-query") && !isSoftware;
    if (!isTimed || names.length === 0) return names.length === 0 ? null : unitsOf(names);
    const tried = JSON.stringify([names.map((name) => [name, ATTENTION_UNITS[name]]), found]);
    const order = await keptOrMeasured({
      key: `webgpu attention on matrix units ${way}, ${summary.description}, ${tried}`,
      read: (kept) => asOrder(kept, names),
      measure: () => timeUnits({ runner, tilings }, ["threads", ...names], { way, unitsOf }),
    }, measurements);
    const faster = order.slice(0, order.indexOf("threads")) as AttentionUnitsName[];
    return faster.length === 0 ? null : unitsOf(faster);
  };
  return { units: { forward: await best("forward"), backward: await best("backward") }, notes };
}

/** What was kept, if it is an order of threads and all of `names`: it comes from outside. */
function asOrder(kept: unknown, names: readonly AttentionUnitsName[]): Candidate[] | null {
  const all: Candidate[] = ["threads", ...names];
  const isOrder = Array.isArray(kept) && kept.length === all.length &&
    all.every((name) => kept.includes(name));
  return isOrder ? kept as Candidate[] : null;
}

interface Timing {
  readonly way: Way;
  readonly unitsOf: (names: readonly AttentionUnitsName[]) => UnitTilings;
}

/** `names`, the fastest first: by the best of several rounds, in which all take turns. */
export async function timeUnits(
  { runner, tilings }: Pick<AttentionDevice, "runner" | "tilings">,
  names: readonly Candidate[],
  { way, unitsOf }: Timing,
  { samples, tokens, heads, headWidth } = TIMED,
): Promise<Candidate[]> {
  const { runtime } = runner;
  const width = heads * headWidth;
  const operands = {
    qkv: runtime.allocate([samples, tokens, 3 * width], "float32", "float16"),
    bias: runtime.allocate([heads, tokens, tokens]),
    y: runtime.allocate([samples, tokens, width], "float32", "float16"),
    dy: runtime.allocate([samples, tokens, width], "float32", "float16"),
    logSums: runtime.allocate([samples, heads, tokens]),
  };
  const { qkv, bias, y, dy, logSums } = operands;
  const common = { qkv, bias, heads, scale: headWidth ** -0.5, precision: "float16" } as const;
  const run = (name: Candidate) => {
    const units = name === "threads" ? null : unitsOf([name]);
    const attentionUnits = { ...NO_ATTENTION_UNITS, [way]: units };
    const kernel = attentionKernel({ runner, attentionTilings: tilings, attentionUnits });
    const results = way === "forward"
      ? Object.values(kernel.forward(common)).flat()
      : Object.values(kernel.backward({ ...common, y, dy, saved: [logSums] }));
    for (const tensor of results) tensor?.dispose();
  };
  const best = new Map<Candidate, number>();
  // The first round compiles.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const name of names) {
      const profiler = runtime.profiler = new KernelProfiler(runtime.device);
      run(name);
      runtime.profiler = null;
      runtime.flush();
      const spans = await profiler.finish();
      const seconds = spans.reduce((sum, each) => sum + each.seconds, 0);
      if (round > 0) best.set(name, Math.min(best.get(name) ?? Infinity, seconds));
    }
  }
  for (const tensor of Object.values(operands)) tensor.dispose();
  return names.toSorted((a, b) => best.get(a)! - best.get(b)!);
}
