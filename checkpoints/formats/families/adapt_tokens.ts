/**
 * Reshapes the parameters around a foreign encoder's blocks to the shapes used here.
 *
 * @module
 */

import { UserError } from "../../../core/errors.ts";
import { formatShape, sizeOf } from "../../../core/shapes.ts";
import { type LazyTensor, type TensorMap, toFloat32 } from "../../tensors/tensor_data.ts";

function isSquare(count: number): boolean {
  return count > 0 && Number.isInteger(Math.sqrt(count));
}

/** The same values with another shape. */
export function reshaped(tensor: LazyTensor, shape: number[]): LazyTensor {
  return { dtype: tensor.dtype, shape, read: async () => ({ ...await tensor.read(), shape }) };
}

function derived(shape: number[], values: () => Promise<Float32Array>): LazyTensor {
  return {
    dtype: "F32",
    shape,
    read: async () => ({ dtype: "F32", shape, data: await values() }),
  };
}

/** `weight` [I, O] as [O, I]. */
function transposed(tensor: LazyTensor): LazyTensor {
  const [rows, columns] = tensor.shape;
  return derived([columns, rows], async () => {
    const from = toFloat32(await tensor.read());
    return Float32Array.from(from, (_, i) => from[(i % rows) * columns + Math.floor(i / rows)]);
  });
}

/** `count` rows of [1, T, C] starting at `first`; those before 0 are zeros. */
export function rowsOf(positions: LazyTensor, first: number, count: number): LazyTensor {
  const width = positions.shape[2];
  return derived([1, count, width], async () => {
    const rows = new Float32Array(count * width);
    const from = toFloat32(await positions.read()).subarray(Math.max(0, first) * width);
    const zeros = Math.max(0, -first) * width;
    rows.set(from.subarray(0, rows.length - zeros), zeros);
    return rows;
  });
}

/** The element-wise sum. */
export function sum(a: LazyTensor, b: LazyTensor): LazyTensor {
  return derived([...a.shape], async () => {
    const [left, right] = [toFloat32(await a.read()), toFloat32(await b.read())];
    return left.map((value, index) => value + right[index]);
  });
}

/**
 * The position embedding with a row for the class token, if there is one, and none for registers: their rows,
 * which some models have, are added to the registers themselves.
 */
function fitPositions(tensors: TensorMap, where: string): void {
  let positions = tensors.get("pos_embed");
  if (positions === undefined) return;
  if (positions.shape.length === 2) positions = reshaped(positions, [1, ...positions.shape]);
  const registers = tensors.get("register_tokens");
  const count = registers?.shape[1] ?? 0;
  const prefix = tensors.has("cls_token") ? 1 : 0;
  const [, rows, width] = positions.shape;
  if (isSquare(rows) && prefix === 1) {
    positions = rowsOf(positions, -1, rows + 1);
  } else if (isSquare(rows - prefix)) {
    // As here.
  } else if (count > 0 && isSquare(rows - count - prefix)) {
    tensors.set("register_tokens", sum(registers!, rowsOf(positions, prefix, count)));
    const [own, patches] = [
      rowsOf(positions, 0, prefix),
      rowsOf(positions, prefix + count, rows - count - prefix),
    ];
    positions = derived([1, rows - count, width], async () => {
      const parts = [toFloat32(await own.read()), toFloat32(await patches.read())];
      return Float32Array.from([...parts[0], ...parts[1]]);
    });
  } else {
    throw new UserError(
      `Cannot load "${where}": its position embedding ${
        formatShape(positions.shape)
      } is not square`,
    );
  }
  tensors.set("pos_embed", positions);
}

/** Tensors under our names, those around the blocks with our shapes. */
export function adaptTokens(tensors: TensorMap, where: string): TensorMap {
  const adapted: TensorMap = new Map(tensors);
  const cls = adapted.get("cls_token");
  if (cls !== undefined) adapted.set("cls_token", reshaped(cls, [1, 1, sizeOf(cls.shape)]));
  fitPositions(adapted, where);
  const patches = adapted.get("patch_embed.proj.weight");
  if (patches !== undefined && patches.shape.length !== 4) {
    throw new UserError(
      `Cannot load "${where}": its patches are embedded by a matrix ${
        formatShape(patches.shape)
      }, ` +
        "expected a convolution of four axes",
    );
  }
  if (patches !== undefined && !adapted.has("patch_embed.proj.bias")) {
    // CLIP's convolution has none.
    const width = patches.shape[0];
    adapted.set(
      "patch_embed.proj.bias",
      derived([width], () => Promise.resolve(new Float32Array(width))),
    );
  }
  const projection = adapted.get("projection.transposed");
  if (projection !== undefined && adapted.delete("projection.transposed")) {
    // OpenAI multiplies from the other side.
    adapted.set("projection.weight", transposed(projection));
  }
  return adapted;
}
