/** Arithmetic on contiguous elements. @module */

import type { Vector } from "../code/expression.ts";
import type { KernelDescription } from "../code/kernel_builder.ts";

/** y = f(a, b) on contiguous elements. */
function binary(
  name: string,
  formula: (a: Vector, b: Vector) => Vector,
): KernelDescription {
  return {
    name,
    build: (k) => {
      const [a, b, y, count] = k.indices("a", "b", "y", "count");
      k.forElements(count, [a, b, y], (lanes) => {
        lanes.store(y, formula(lanes.load(a), lanes.load(b)));
      }, 2);
    },
  };
}

export const descriptions: readonly KernelDescription[] = [
  binary("add", (a, b) => a.plus(b)),
  binary("subtract", (a, b) => a.minus(b)),
  binary("multiply", (a, b) => a.times(b)),
  binary("divide", (a, b) => a.dividedBy(b)),
];
