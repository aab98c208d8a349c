/**
 * Attention with a relative-position bias. The forward pass never holds an N × N matrix; the backward
 * pass holds one for each head of some samples: the gradient of the logits, which dq and dbias are made
 * from. That costs a write and two reads of it, and saves two products of three for either.
 *
 * @module
 */

import deltasCode from "./attention_backward_deltas.wgsl" with { type: "text" };
import forwardCode from "./attention.wgsl" with { type: "text" };
import halfCode from "../../shaders/half.wgsl" with { type: "text" };
import keysCode from "./attention_backward_keys.wgsl" with { type: "text" };
import matricesCode from "./attention_matrices.wgsl" with { type: "text" };
import pairsCode from "./attention_pairs.wgsl" with { type: "text" };
import queriesCode from "./attention_backward_queries.wgsl" with { type: "text" };
import rowsCode from "./attention_rows.wgsl" with { type: "text" };
import tilesCode from "./attention_tiles.wgsl" with { type: "text" };
import type { Tensor } from "../../../../deps/tfjs.ts";
import type { Precision } from "../../../backend.ts";
import type { AttentionKernel } from "../../../kernels.ts";
import { MATRIX_DIRECTIVES } from "../../products/matrix_units.ts";
import type { Storage } from "../../runtime.ts";
import { float, type ShaderCall, type ShaderRunner } from "../../shaders/shader_runner.ts";
import {
  type AttentionTiling,
  forwardConstants,
  keysConstants,
  queriesConstants,
  type TileConstants,
} from "./attention_tilings.ts";
import {
  type AttentionUnits,
  NO_ATTENTION_UNITS,
  unitTilingFor,
  withUnits,
} from "./attention_units.ts";
import type { KernelTools } from "../kernel_tools.ts";

const includes = [halfCode, rowsCode];

/** A shader for threads and for matrix units. */
function variants(name: string, code: string) {
  return {
    threads: { name, code, includes: [...includes, pairsCode, tilesCode] },
    units: {
      name: `${name}_units`,
      code,
      includes: [...includes, pairsCode, matricesCode],
      directives: MATRIX_DIRECTIVES,
      keepsFromSubgroups: true,
    },
  };
}

const FORWARD = variants("attention", forwardCode);
const DELTAS = { name: "attention_backward_deltas", code: deltasCode, includes };
const KEYS = variants("attention_backward_keys", keysCode);
const QUERIES = variants("attention_backward_queries", queriesCode);

/** Bytes for the pairs of those samples that are processed together. */
const PAIR_BYTES = 256 * 2 ** 20;

const DELTA_THREADS = 64;

interface Attention {
  readonly qkv: Tensor;
  readonly bias: Tensor | null;
  readonly heads: number;
  readonly scale: number;
  readonly precision: Precision;
}

/** What attention is made with; without matrix units, threads compute it. */
export type AttentionTools =
  & Pick<KernelTools, "runner" | "attentionTilings">
  & Partial<Pick<KernelTools, "attentionUnits">>;

export function attentionKernel(
  { runner, attentionTilings, attentionUnits = NO_ATTENTION_UNITS }: AttentionTools,
  pairBytes = PAIR_BYTES,
): AttentionKernel {
  /** How to divide a pass, and the constants of its kernels. */
  const divide = (args: Attention, way: keyof AttentionUnits) => {
    const { tokens, headWidth, headQuads } = sizesOf(args);
    const units = args.precision === "float16" ? attentionUnits[way] : null;
    const own = units && unitTilingFor(units, headWidth);
    const tiling = own ?? attentionTilings(tokens, headQuads);
    const by: "threads" | "units" = own === null ? "threads" : "units";
    const constantsOf = (
      divided: (tiling: AttentionTiling, headQuads: number) => TileConstants,
    ) => {
      const constants = divided(tiling, headQuads);
      return own === null ? constants : withUnits(constants, units!, headWidth);
    };
    return { tiling, by, constantsOf };
  };
  const { runtime } = runner;
  return {
    forward(args) {
      const { qkv, bias, heads } = args;
      const { samples, tokens, width } = sizesOf(args);
      const { by, constantsOf } = divide(args, "forward");
      const constants = constantsOf(forwardConstants);
      const y = runtime.allocate([samples, tokens, width], "float32", storageOf(runner, args));
      const logSums = runtime.allocate([samples, heads, tokens]);
      runner.run({
        ...commonOf(runner, args, FORWARD[by], constants),
        reads: { qkv, bias: runner.floats(bias) },
        writes: { y, logSums: runner.floats(logSums) },
        grid: [tilesOf(tokens, constants.RIGHT_THREADS * constants.RIGHT_MICRO), heads, samples],
      });
      return { y, saved: [logSums] };
    },
    addsGradient: true,
    backward({ dy, y, saved: [logSumTensor], soFar, ...args }) {
      const { qkv, bias, heads } = args;
      const { samples, tokens, pairWidth } = sizesOf(args);
      const { tiling, by, constantsOf } = divide(args, "backward");
      const dqkv = runtime.allocate(qkv.shape, "float32", storageOf(runner, args));
      const dbias = bias === null ? null : runtime.allocate(bias.shape);
      const deltaTensor = runtime.allocate([samples, heads, tokens]);
      const deltas = { floats: runtime.bindingOfOutput(deltaTensor) };
      const logSums = runner.floats(logSumTensor);
      const bytes = Math.min(pairBytes, runtime.largestBytes);
      const together = Math.max(1, Math.floor(bytes / (heads * tokens * pairWidth * 4)));
      const group = Math.min(samples, together);
      const pairTensor = runtime.allocate([group, heads, tokens, pairWidth]);
      const keys = constantsOf(keysConstants);
      const queries = constantsOf(queriesConstants);
      for (let firstSample = 0; firstSample < samples; firstSample += group) {
        const count = Math.min(group, samples - firstSample);
        const part = { ...args, firstSample, samples: count };
        const pairs = { quads: runtime.bindingOfOutput(pairTensor) };
        runner.run({
          ...commonOf(runner, part, DELTAS, { THREADS: DELTA_THREADS }),
          reads: { dy, y },
          writes: { deltas },
          grid: [Math.ceil(tokens / DELTA_THREADS), heads, count],
        });
        runner.run({
          ...commonOf(runner, part, KEYS[by], keys),
          reads: { qkv, bias: runner.floats(bias), dy, logSums, deltas },
          writes: { dqkv, pairs },
          grid: [tilesOf(tokens, keys.RIGHT_THREADS * keys.RIGHT_MICRO), heads, count],
        });
        const queryTiles = tilesOf(tokens, tiling.queries.queryQuads);
        const biasGroups = Math.ceil(tokens * pairWidth / 4 / tiling.queries.threads);
        const biasTiles = bias === null ? 0 : Math.ceil(biasGroups / count);
        // To what the samples have added up to, as if that had been computed alone.
        const added = firstSample + count === samples ? soFar ?? null : null;
        const common = commonOf(runner, { ...part, queryTiles }, QUERIES[by], queries);
        runner.run({
          ...common,
          constants: { ...common.constants, HAS_ADDED: added !== null },
          reads: { qkv, pairs, added: runner.floats(added) },
          writes: { dqkv, dbias: runner.floats(dbias) },
          grid: [queryTiles + biasTiles, heads, count],
        });
      }
      // Returned to the pool: whatever gets them next is recorded after these.
      pairTensor.dispose();
      deltaTensor.dispose();
      return { dqkv, dbias };
    },
  };
}

function sizesOf({ qkv, heads }: Attention) {
  const [samples, tokens, widths] = qkv.shape as [number, number, number];
  const headWidth = widths / 3 / heads;
  return {
    samples,
    tokens,
    width: widths / 3,
    headWidth,
    headQuads: Math.ceil(headWidth / 4),
    /** Keys of a row of pairs: whole quads. */
    pairWidth: Math.ceil(tokens / 4) * 4,
  };
}

/** The number of tiles of that many quads that the tokens make up. */
function tilesOf(tokens: number, quads: number): number {
  return Math.ceil(tokens / (4 * quads));
}

/** Results are stored like qkv if heads are whole quads wide. */
function storageOf({ runtime }: ShaderRunner, { qkv, heads }: Attention): Storage {
  return qkv.shape[2]! / 3 / heads % 4 === 0 ? runtime.storage(qkv) : "float32";
}

/** Samples that a dispatch covers; default: all. */
interface Part extends Attention {
  readonly firstSample?: number;
  readonly samples?: number;
  readonly queryTiles?: number;
}

/** What the shaders have in common. */
function commonOf(
  { runtime }: ShaderRunner,
  part: Part,
  file: ShaderCall["file"],
  constants: TileConstants,
): Pick<ShaderCall, "file" | "constants" | "uniforms" | "isQuadWide"> {
  const { qkv, bias, heads, scale, precision, firstSample = 0, queryTiles = 0 } = part;
  const { samples, tokens, headWidth, headQuads, pairWidth } = sizesOf(part);
  return {
    file,
    constants: {
      ...constants,
      HEAD_WIDTH: headWidth,
      HEAD_QUADS: headQuads,
      HAS_BIAS: bias !== null,
      ACCUMULATE: firstSample > 0,
      ROUND: precision === "float16" &&
        (headWidth % 4 !== 0 || runtime.storage(qkv) === "float32"),
    },
    uniforms: {
      samples: part.samples ?? samples,
      firstSample,
      tokens,
      heads,
      pairWidth,
      queryTiles,
      scale: float(scale),
    },
    isQuadWide: headWidth % 4 === 0,
  };
}
