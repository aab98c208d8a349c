/** Matrices of logits, a chunk of rows at a time: all of them would not fit into one binding. @module */

import type { Tensor } from "../../../deps/tfjs.ts";
import type { ShaderRunner } from "../shaders/shader_runner.ts";
import type { MatrixProducts } from "./matrix_product.ts";

const MOST_BYTES = 2 ** 26;

/** Calls `visit` with the logits x·weightᵀ + bias of each stretch of rows; they are freed after it. */
export function eachStretchOfLogits(
  { runtime }: ShaderRunner,
  products: MatrixProducts,
  { x, weight, bias = null, isRounded = false }: {
    /** [M, C]. */
    x: Tensor;
    /** [K, C]. */
    weight: Tensor;
    bias?: Tensor | null;
    isRounded?: boolean;
  },
  visit: (logits: Tensor, firstRow: number, rows: number) => void,
): void {
  const [rowCount, depth] = x.shape as [number, number];
  const columns = weight.shape[0];
  const most = Math.max(1, Math.floor(MOST_BYTES / (columns * 4)));
  for (let firstRow = 0; firstRow < rowCount; firstRow += most) {
    const rows = Math.min(most, rowCount - firstRow);
    const logits = runtime.allocate([rows, columns]);
    products.run({
      a: x,
      b: weight,
      c: logits,
      rows,
      columns,
      depth,
      firstRow,
      isRounded,
      bias,
    });
    visit(logits, firstRow, rows);
    logits.dispose();
  }
}
