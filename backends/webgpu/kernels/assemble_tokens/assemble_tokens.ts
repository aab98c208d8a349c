/** Assembling the encoder's tokens in one dispatch forward and one backward. @module */

import backwardCode from "./assemble_tokens_backward.wgsl" with { type: "text" };
import columnSums from "../../shaders/column_sums.wgsl" with { type: "text" };
import forwardCode from "./assemble_tokens.wgsl" with { type: "text" };
import type { AssembleTokensKernel } from "../../../kernels.ts";
import { foldedGrid } from "../../shaders/shader_runner.ts";
import { COLUMN_QUADS, columnGroupsOf, WORKGROUP } from "../../shaders/shapes.ts";
import type { KernelTools } from "../kernel_tools.ts";

const FORWARD = { name: "assemble_tokens", code: forwardCode };
const BACKWARD = {
  name: "assemble_tokens_backward",
  code: backwardCode,
  includes: [columnSums],
};

export function assembleTokensKernel({ runner }: KernelTools): AssembleTokensKernel {
  const { runtime } = runner;
  return {
    forward({ patches, mask, maskToken, clsToken, positions }) {
      const [samples, patchCount, width] = patches.shape as [number, number, number];
      const tokens = patchCount + 1;
      const rows = samples * tokens;
      const quadsPerRow = Math.ceil(width / 4);
      const y = runtime.allocate([samples, tokens, width]);
      const HAS_MASK = mask !== null && maskToken !== null;
      runner.run({
        file: FORWARD,
        constants: { WORKGROUP, HAS_MASK, HAS_POSITIONS: positions !== null },
        reads: { patches, mask: runner.floats(mask), maskToken, clsToken, positions },
        writes: { y },
        uniforms: { rows, width, quadsPerRow, tokens },
        isQuadWide: width % 4 === 0,
        grid: foldedGrid(rows * quadsPerRow, WORKGROUP),
      });
      runner.allowDemotion(y);
      return { y };
    },
    backward({ dy, mask, hasPositions }) {
      const [samples, tokens, width] = dy.shape as [number, number, number];
      const quadsPerRow = Math.ceil(width / 4);
      const dpatches = runtime.allocate([samples, tokens - 1, width]);
      const dclsToken = runtime.allocate([1, 1, width]);
      const dmaskToken = mask === null ? null : runtime.allocate([1, 1, width]);
      const dpositions = hasPositions ? runtime.allocate([1, tokens, width]) : null;
      const positionRows = hasPositions ? tokens : 0;
      const columnGroups = columnGroupsOf(width);
      const rows = positionRows + samples * (tokens - 1);
      runner.run({
        file: BACKWARD,
        constants: { WORKGROUP, COLUMN_QUADS, HAS_MASK: mask !== null },
        reads: { dy, mask: runner.floats(mask) },
        writes: { dpatches, dclsToken, dmaskToken, dpositions },
        uniforms: { samples, tokens, width, quadsPerRow, positionRows, columnGroups },
        isQuadWide: width % 4 === 0,
        grid: foldedGrid(columnGroups + Math.ceil(rows * quadsPerRow / WORKGROUP), 1),
      });
      return { dpatches, dmaskToken, dclsToken, dpositions };
    },
  };
}
