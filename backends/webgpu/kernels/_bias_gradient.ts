/** Sums over rows, which the gradient of every bias is. @module */

import biasCode from "../shaders/bias_backward.wgsl" with { type: "text" };
import columnSums from "../shaders/column_sums.wgsl" with { type: "text" };
import type { Tensor } from "../../../deps/tfjs.ts";
import { foldedGrid, type ShaderRunner } from "../shader.ts";
import { COLUMN_QUADS, columnGroupsOf, rowsOf, WORKGROUP } from "./_shapes.ts";

const BIAS = { name: "bias_backward", code: biasCode, includes: [columnSums] };

/** `dbias` [C] ← Σ `dz` [R, C], or added to what it holds. */
export function sumRowsInto(
  runner: ShaderRunner,
  dz: Tensor,
  dbias: Tensor,
  { isAdded = false } = {},
): void {
  const { rows, width } = rowsOf(dz);
  runner.run({
    file: BIAS,
    constants: { WORKGROUP, COLUMN_QUADS, ACCUMULATE: isAdded },
    reads: { dz },
    writes: { dbias },
    uniforms: { rows, width },
    isQuadWide: width % 4 === 0,
    grid: foldedGrid(columnGroupsOf(width), 1),
  });
}
