/**
 * Which tilings are fastest on a device: a few products, timed on it once in a process.
 *
 * @module
 */

import { median } from "../../core/median.ts";
import type { AdapterSummary } from "./adapter.ts";
import { KernelProfiler } from "./kernel_profiler.ts";
import {
  MatrixProducts,
  type TilingChoice,
  type TilingName,
  TILINGS,
} from "./kernels/matrix_product.ts";
import type { ShaderRunner } from "./shader.ts";

/** Where nothing can be timed; of lavapipe and SwiftShader it was measured. */
const ON_GPU: TilingChoice = { large: "square128", medium: "square64" };
const ON_PROCESSOR: TilingChoice = { large: "square128Wide", medium: "square64Wide" };

/** [rows, inputs, outputs] of the layers that stand for their class. */
type Samples = Readonly<Record<keyof TilingChoice, readonly [number, number, number]>>;

/** Of ViT-S, and of its heads. */
const SAMPLES: Samples = {
  large: [3152, 384, 1536],
  medium: [3152, 384, 64],
};

const REPETITIONS = 3;

const known = new Map<string, TilingChoice>();

/** The choice for the device of `runner`. */
export async function chooseTilings(
  runner: ShaderRunner,
  adapter: AdapterSummary,
  samples = SAMPLES,
): Promise<TilingChoice> {
  if (adapter.isSoftware) return ON_PROCESSOR;
  if (!runner.runtime.device.features.has("timestamp-query")) return ON_GPU;
  let choice = known.get(adapter.description);
  if (choice === undefined) {
    choice = {
      large: await fastest(runner, samples.large),
      medium: await fastest(runner, samples.medium),
    };
    known.set(adapter.description, choice);
  }
  return choice;
}

async function fastest(
  runner: ShaderRunner,
  sample: readonly [number, number, number],
): Promise<TilingName> {
  let [best, least]: [TilingName, number] = [ON_GPU.large, Infinity];
  for (const name of Object.keys(TILINGS) as TilingName[]) {
    const milliseconds = (await timeTiling(runner, name, sample)).total;
    if (milliseconds < least) [best, least] = [name, milliseconds];
  }
  return best;
}

/** Times of a layer's products in milliseconds. */
export interface ProductTimes {
  readonly forward: number;
  readonly backward: number;
  readonly total: number;
}

/** Times a layer's products with one tiling. */
export async function timeTiling(
  runner: ShaderRunner,
  name: TilingName,
  [rows, inputs, outputs]: readonly [number, number, number],
): Promise<ProductTimes> {
  const { runtime } = runner;
  const products = new MatrixProducts(runner, { large: name, medium: name });
  const tensors = {
    x: runtime.allocate([rows, inputs]),
    weight: runtime.allocate([outputs, inputs]),
    y: runtime.allocate([rows, outputs]),
    dx: runtime.allocate([rows, inputs]),
    dweight: runtime.allocate([outputs, inputs]),
    dbias: runtime.allocate([outputs]),
  };
  const { x, weight, y, dx, dweight, dbias } = tensors;
  const isRounded = false;
  const run = () => {
    products.run({ a: x, b: weight, c: y, rows, columns: outputs, depth: inputs, isRounded });
    products.runBackward({ dz: y, x, weight, dx, dweight, dbias, isRounded });
  };
  run(); // compiles
  runtime.profiler = new KernelProfiler(runtime.device);
  const { profiler } = runtime;
  for (let i = 0; i < REPETITIONS; i++) run();
  runtime.profiler = null;
  runtime.flush();
  const spans = await profiler.finish();
  for (const tensor of Object.values(tensors)) tensor.dispose();
  const timeOf = (kernel: string) =>
    median(spans.filter(({ name }) => name === kernel).map(({ seconds }) => seconds * 1000));
  const [forward, backward] = [timeOf("matrix_product"), timeOf("linear_backward")];
  return { forward, backward, total: forward + backward };
}
