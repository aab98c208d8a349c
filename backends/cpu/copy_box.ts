/** Copies a box out of one array into a box of another. @module */

type Numbers = Float32Array | Int32Array | Uint8Array;

/** An array with its shape, and where the box begins in it. */
export interface BoxPlace {
  readonly values: Numbers;
  readonly shape: readonly number[];
  readonly begin: readonly number[];
}

/**
 * Copies `size` elements along each axis; runs that are contiguous on both sides are copied at once.
 *
 * @example
 * ```ts
 * import { copyBox } from "./copy_box.ts";
 * const source = Float32Array.of(1, 2, 3, 4, 5, 6);
 * const target = new Float32Array(2);
 * copyBox(
 *   { values: source, shape: [2, 3], begin: [0, 1] },
 *   { values: target, shape: [2, 1], begin: [0, 0] },
 *   [2, 1],
 * );
 * if (target.join() !== "2,5") throw new Error(target.join());
 * ```
 */
export function copyBox(from: BoxPlace, to: BoxPlace, size: readonly number[]): void {
  if (size.includes(0)) return;
  // Trailing axes that are taken whole on both sides belong to the runs, and the axis before them.
  let axis = size.length - 1;
  let run = 1;
  while (axis >= 0 && size[axis] === from.shape[axis] && size[axis] === to.shape[axis]) {
    run *= size[axis--];
  }
  const [fromStrides, toStrides] = [stridesOf(from.shape), stridesOf(to.shape)];
  if (axis >= 0) run *= size[axis];
  const copy = (outer: number, source: number, target: number) => {
    const fromHere = source + (from.begin[outer] ?? 0) * (fromStrides[outer] ?? 0);
    const toHere = target + (to.begin[outer] ?? 0) * (toStrides[outer] ?? 0);
    if (outer >= axis) {
      to.values.set(from.values.subarray(fromHere, fromHere + run), toHere);
      return;
    }
    for (let index = 0; index < size[outer]; index++) {
      copy(outer + 1, fromHere + index * fromStrides[outer], toHere + index * toStrides[outer]);
    }
  };
  copy(0, 0, 0);
}

function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}
