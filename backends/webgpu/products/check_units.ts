/**
 * Compares the products on matrix units with those by threads, which every GPU computes alike: matrix units
 * are an experimental part of WebGPU, and drivers get them wrong.
 *
 * @module
 */

import { Generator } from "../../../core/generator.ts";
import type { Tensor } from "../../../deps/tfjs.ts";
import type { Runtime } from "../runtime.ts";
import type { ShaderRunner } from "../shaders/shader_runner.ts";
import type { MatrixUnits } from "./matrix_units.ts";
import { MatrixProducts, type ProductUnits } from "./matrix_product.ts";
import type { TilingChoice } from "./tilings.ts";

/** Not whole tiles in any direction, and several of them. */
const ROWS = 300;
const OUTPUTS = 140;
const INPUTS = 76;
/** The same operands and exact products: only the order of sums differs. */
const TOLERANCE = 1e-3;

type Results = Readonly<Record<string, Tensor>>;

/**
 * What is wrong with the products on matrix units, forward or backward, with the tiling of `units` for large
 * results; null if nothing is.
 */
export async function flawOf(
  runner: ShaderRunner,
  choice: TilingChoice,
  units: MatrixUnits,
  way: "forward" | "backward",
): Promise<string | null> {
  const { runtime } = runner;
  const { device } = runtime;
  runtime.flush();
  const operands = {
    x: filled(runtime, [ROWS, INPUTS], 1),
    weight: filled(runtime, [OUTPUTS, INPUTS], 2),
    bias: filled(runtime, [OUTPUTS], 3),
    dz: filled(runtime, [ROWS, OUTPUTS], 4),
  };
  // In parts, where the rows of a weight are divided at all.
  const split = { ...choice, workgroups: choice.workgroups === 1 ? 1 : 1024 };
  const compute = way === "forward" ? forwardResults : backwardResults;
  const run = (own: ProductUnits) =>
    compute(runner, new MatrixProducts(runner, split, own), operands);
  const wanted = run({ forward: null, backward: null });
  device.pushErrorScope("validation");
  const found = run({ forward: units, backward: units });
  runtime.flush();
  const error = await device.popErrorScope();
  const flaw = error === null ? await difference(runtime, wanted, found) : reasonIn(error.message);
  for (const tensor of [operands, wanted, found].flatMap((each) => Object.values(each))) {
    tensor.dispose();
  }
  return flaw;
}

type Operands = Readonly<Record<"x" | "weight" | "bias" | "dz", Tensor>>;

function forwardResults(
  { runtime }: ShaderRunner,
  products: MatrixProducts,
  { x, weight, bias }: Operands,
): Results {
  const [y, before, plain] = [1, 2, 3].map(() => runtime.allocate([ROWS, OUTPUTS]));
  const shape = { a: x, b: weight, rows: ROWS, columns: OUTPUTS, depth: INPUTS, isRounded: true };
  products.run({ ...shape, c: y, bias, activation: "gelu", before });
  products.run({ ...shape, c: plain });
  return { y, before, plain };
}

function backwardResults(
  { runtime }: ShaderRunner,
  products: MatrixProducts,
  { x, weight, dz }: Operands,
): Results {
  const dx = runtime.allocate([ROWS, INPUTS]);
  const dweight = runtime.allocate([OUTPUTS, INPUTS]);
  const dbias = runtime.allocate([OUTPUTS]);
  products.runBackward({ dz, x, weight, dx, dweight, dbias, isRounded: true });
  return { dx, dweight, dbias };
}

/** How far results are apart, as a complaint; null if they agree. */
async function difference(
  runtime: Runtime,
  wanted: Results,
  found: Results,
): Promise<string | null> {
  for (const [name, tensor] of Object.entries(wanted)) {
    const values = await runtime.read(tensor.dataId) as Float32Array;
    const others = await runtime.read(found[name].dataId) as Float32Array;
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    // Turned round, so that NaN is no agreement.
    const isOff = (value: number, i: number) =>
      !(Math.abs(value - others[i]) <= TOLERANCE * largest);
    const count = values.filter(isOff).length;
    if (count > 0) return `${count} of ${values.length} values of ${name} are wrong`;
  }
  return null;
}

/** A tensor with values between -1 and 1 that have no pattern. */
function filled(runtime: Runtime, shape: number[], seed: number): Tensor {
  const tensor = runtime.allocate(shape);
  const random = Generator.from(seed);
  const values = Float32Array.from({ length: tensor.size }, () => random.uniform(-1, 1));
  const { buffer, offset } = runtime.bindingOfOutput(tensor);
  runtime.queue.writeBuffer(buffer, offset, values);
  return tensor;
}

/** The line of a compiler's message that says what is wrong. */
function reasonIn(text: string): string {
  const lines = text.split("\n").map((line) => line.trim());
  return lines.find((line) => /\berror:/.test(line)) ?? lines.find((line) => line !== "") ?? text;
}
