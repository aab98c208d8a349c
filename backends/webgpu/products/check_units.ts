/** Whether the products on matrix units are right. @module */

import type { Tensor } from "../../../deps/tfjs.ts";
import { filled, flawBetween, type Results } from "../compare_results.ts";
import type { ShaderRunner } from "../shaders/shader_runner.ts";
import type { MatrixUnits } from "./matrix_units.ts";
import { MatrixProducts, type ProductUnits } from "./matrix_product.ts";
import type { TilingChoice } from "./tilings.ts";

/** Not whole tiles in any direction, and several of them; rows enough for a weight's gradient in parts. */
const ROWS = 600;
const OUTPUTS = 140;
const INPUTS = 76;
/** The same operands and exact products: only the order of sums differs. */
const TOLERANCE = 1e-3;

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
  const flaw = await flawBetween(runtime, {
    plain: () => run({ forward: null, backward: null }),
    units: () => run({ forward: units, backward: units }),
    tolerance: TOLERANCE,
  });
  for (const tensor of Object.values(operands)) tensor.dispose();
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
