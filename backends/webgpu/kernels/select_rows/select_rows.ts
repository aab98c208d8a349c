/** Some rows side by side in one dispatch forward; scattered into zeros in one backward. @module */

import gatherCode from "./gather_rows.wgsl" with { type: "text" };
import type { Tensor } from "../../../../deps/tfjs.ts";
import type { SelectRowsKernel } from "../../../kernels.ts";
import { isTapeOpen } from "../../../tfjs/tape.ts";
import { foldedGrid } from "../../shaders/shader_runner.ts";
import { rowsOf, WORKGROUP } from "../../shaders/shapes.ts";
import type { KernelTools } from "../kernel_tools.ts";

const GATHER = { name: "gather_rows", code: gatherCode };

export function selectRowsKernel({ runner }: KernelTools): SelectRowsKernel {
  const { runtime } = runner;

  function moveRows(
    { from, positions, to, isScattered }: {
      from: Tensor;
      positions: Tensor;
      to: Tensor;
      isScattered: boolean;
    },
  ): void {
    const { width, quadsPerRow } = rowsOf(from);
    runner.run({
      file: GATHER,
      constants: { WORKGROUP, SCATTER: isScattered },
      reads: { x: from, positions },
      writes: { y: to },
      uniforms: { rows: positions.size, width, quadsPerRow },
      isQuadWide: width % 4 === 0,
      grid: foldedGrid(positions.size * quadsPerRow, WORKGROUP),
    });
  }

  return {
    forward({ x, rows, precision }) {
      const y = runtime.allocate([rows.size, x.shape[1]!], "float32", runtime.storage(x));
      moveRows({ from: x, positions: rows, to: y, isScattered: false });
      // For a stream whose other readers are norms, the backward pass needs only float16.
      if (isTapeOpen() && precision === "float16") runner.demoteIfAllowed(x);
      runner.allowDemotion(y);
      return { y };
    },
    backward({ dy, rows, rowCount }) {
      const dx = runtime.allocate([rowCount, dy.shape[1]!], "float32", runtime.storage(dy));
      runtime.clear(runtime.bindingOfOutput(dx));
      moveRows({ from: dy, positions: rows, to: dx, isScattered: true });
      return { dx };
    },
  };
}
