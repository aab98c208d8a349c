/**
 * Which tilings are fastest on a device: a few products, timed once. The result is kept, so that a resumed run
 * rounds as before.
 *
 * @module
 */

import { keptOrMeasured, type MeasurementStore } from "../../../core/measurement_store.ts";
import type { AdapterSummary } from "../adapter.ts";
import { KernelProfiler } from "../kernel_profiler.ts";
import { MatrixProducts } from "./matrix_product.ts";
import { onlyTiling, type TilingChoice, type TilingName, TILINGS } from "./tilings.ts";
import type { ShaderRunner } from "../shaders/shader_runner.ts";

/** If nothing can be timed; measured on lavapipe and SwiftShader. */
const ON_GPU: TilingChoice = {
  ...onlyTiling("square64", 1024),
  small: "square32",
};
/** Dawn's shaders take the processor's compiler ten times as long; small tiles keep that bearable. */
const ON_PROCESSOR_WITH_DAWN: TilingChoice = onlyTiling("processor32", 1);
const ON_PROCESSOR: TilingChoice = {
  large: "processor128",
  largeBackward: "processor128",
  medium: "processor64",
  mediumBackward: "processor64",
  small: "processor32",
  workgroups: 1,
};

/** [rows, inputs, outputs] of a layer. */
type Layer = readonly [number, number, number];

/** The layers that stand for their class. */
type Samples = Readonly<Record<"large" | "medium", Layer>>;

/** Of ViT-S, and of its heads. */
export const SAMPLES: Samples = {
  large: [6304, 384, 1536],
  medium: [6304, 384, 64],
};

/** What is tried on a GPU. */
export const CANDIDATES = ["square32", "square64", "high128", "deep128"] as const;

const REPETITIONS = 3;

/** Options of {@link chooseTilings}. */
export interface ChooseTilingsOptions {
  readonly samples?: Samples;
  readonly measurements?: MeasurementStore;
}

/** The choice for the device of `runner`. */
export async function chooseTilings(
  runner: ShaderRunner,
  adapter: AdapterSummary,
  { samples = SAMPLES, measurements }: ChooseTilingsOptions = {},
): Promise<TilingChoice> {
  if (adapter.isSoftware) {
    return adapter.implementation === "dawn" ? ON_PROCESSOR_WITH_DAWN : ON_PROCESSOR;
  }
  const { device } = runner.runtime;
  if (!device.features.has("timestamp-query")) return ON_GPU;
  const names = CANDIDATES.filter((name) => fits(name, device.limits));
  // Other tilings, another choice.
  const tried = JSON.stringify([names.map((name) => [name, TILINGS[name]]), samples]);
  const key = `webgpu tilings, ${adapter.description}, ${tried}`;
  const productsOf = productsByThreads(runner);
  const measure = async (): Promise<TilingChoice> => {
    const large = await timeTilings(runner, names, samples.large, { productsOf });
    const medium = await timeTilings(runner, names, samples.medium, { productsOf });
    return {
      ...ON_GPU,
      large: fastest(large, "forward"),
      largeBackward: fastest(large, "backward"),
      medium: fastest(medium, "forward"),
      mediumBackward: fastest(medium, "backward"),
    };
  };
  return await keptOrMeasured({ key, read: asChoice, measure }, measurements);
}

/** What was kept, if it is a choice: it comes from outside. */
function asChoice(kept: unknown): TilingChoice | null {
  if (typeof kept !== "object" || kept === null) return null;
  const { workgroups, ...names } = { ...ON_GPU, ...kept };
  const isKnown = Object.values(names).every((name) => Object.hasOwn(TILINGS, name));
  return isKnown && Number.isInteger(workgroups) ? { workgroups, ...names } : null;
}

/** Whether the tiles of both operands fit into the memory of a workgroup, and its threads too. */
export function fits(name: TilingName, limits: Readonly<Record<LimitName, number>>): boolean {
  const { THREADS_M, MICRO_M, THREADS_N, MICRO_N, K_TILE } = TILINGS[name];
  const bytes = (THREADS_M * MICRO_M + THREADS_N * MICRO_N) * K_TILE * 4;
  return bytes <= limits.maxComputeWorkgroupStorageSize &&
    THREADS_M * THREADS_N <= limits.maxComputeInvocationsPerWorkgroup;
}

type LimitName = "maxComputeWorkgroupStorageSize" | "maxComputeInvocationsPerWorkgroup";

function fastest(
  times: ReadonlyMap<TilingName, ProductTimes>,
  which: keyof ProductTimes,
): TilingName {
  return [...times].reduce((best, one) => one[1][which] < best[1][which] ? one : best)[0];
}

/** Times of a layer's products in milliseconds. */
export interface ProductTimes {
  readonly forward: number;
  readonly backward: number;
}

/** Options of {@link timeTilings}. */
export interface TimeTilingsOptions<Name> {
  /** The products with a tiling. */
  readonly productsOf: (name: Name) => MatrixProducts;
  /** Whether the layer is stored and multiplied in float16. Default: false. */
  readonly isHalf?: boolean;
  /**
   * Runs products until the GPU's clock has ramped up; without it, times are only good for comparison.
   */
  readonly warmUp?: (run: () => void) => Promise<void>;
}

/** Products of threads alone, with one tiling. */
export function productsByThreads(runner: ShaderRunner): (name: TilingName) => MatrixProducts {
  return (name) => new MatrixProducts(runner, onlyTiling(name, ON_GPU.workgroups));
}

/** Times a layer's products with each tiling: the best of several rounds, in which all take turns. */
export async function timeTilings<Name extends string>(
  runner: ShaderRunner,
  names: readonly Name[],
  [rows, inputs, outputs]: Layer,
  { productsOf, isHalf = false, warmUp = () => Promise.resolve() }: TimeTilingsOptions<Name>,
): Promise<Map<Name, ProductTimes>> {
  const { runtime } = runner;
  const storage = isHalf ? "float16" : "float32";
  const tensors = {
    x: runtime.allocate([rows, inputs], "float32", storage),
    weight: runtime.allocate([outputs, inputs], "float32", storage),
    y: runtime.allocate([rows, outputs], "float32", storage),
    dx: runtime.allocate([rows, inputs], "float32", storage),
    dweight: runtime.allocate([outputs, inputs]),
    dbias: runtime.allocate([outputs]),
  };
  const { x, weight, y, dx, dweight, dbias } = tensors;
  const isRounded = isHalf;
  const run = (name: Name) => {
    const products = productsOf(name);
    products.run({ a: x, b: weight, c: y, rows, columns: outputs, depth: inputs, isRounded });
    products.runBackward({ dz: y, x, weight, dx, dweight, dbias, isRounded });
  };
  const timed = async (name: Name): Promise<ProductTimes> => {
    runtime.profiler = new KernelProfiler(runtime.device);
    const { profiler } = runtime;
    run(name);
    runtime.profiler = null;
    runtime.flush();
    const spans = await profiler.finish();
    const [forward, backward] = [true, false].map((isForward) =>
      spans.filter(({ name }) => name.startsWith("matrix_product") === isForward)
        .reduce((sum, { seconds }) => sum + seconds * 1000, 0)
    );
    return { forward, backward };
  };
  for (const name of names) run(name); // compiles
  await warmUp(() => run(names[0]));
  const best = new Map<Name, ProductTimes>();
  for (let round = 0; round < REPETITIONS; round++) {
    for (const name of names) {
      const { forward, backward } = await timed(name);
      const before = best.get(name) ?? { forward: Infinity, backward: Infinity };
      best.set(name, {
        forward: Math.min(before.forward, forward),
        backward: Math.min(before.backward, backward),
      });
    }
  }
  for (const tensor of Object.values(tensors)) tensor.dispose();
  return best;
}
