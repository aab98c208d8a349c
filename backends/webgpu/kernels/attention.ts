/** Attention with a relative-position bias, never holding an N × N matrix of one sample. @module */

import biasCode from "../shaders/attention_backward_bias.wgsl" with { type: "text" };
import forwardCode from "../shaders/attention.wgsl" with { type: "text" };
import halfCode from "../shaders/half.wgsl" with { type: "text" };
import keysCode from "../shaders/attention_backward_keys.wgsl" with { type: "text" };
import queriesCode from "../shaders/attention_backward_queries.wgsl" with { type: "text" };
import rowsCode from "../shaders/attention_rows.wgsl" with { type: "text" };
import type { Tensor } from "../../../deps/tfjs.ts";
import type { Precision } from "../../backend.ts";
import type { AttentionKernel } from "../../kernels.ts";
import type { Storage } from "../runtime.ts";
import { float, type ShaderCall, type ShaderRunner } from "../shader.ts";

const FORWARD = { name: "attention", code: forwardCode, includes: [halfCode, rowsCode] };
const QUERIES = {
  name: "attention_backward_queries",
  code: queriesCode,
  includes: [halfCode, rowsCode],
};
const KEYS = { name: "attention_backward_keys", code: keysCode, includes: [halfCode, rowsCode] };
const BIAS = { name: "attention_backward_bias", code: biasCode, includes: [halfCode, rowsCode] };

/** How the queries (or keys) of a head are divided. */
interface Division {
  /** Threads of a workgroup. */
  readonly WORKGROUP: number;
  /** Queries that a thread owns. */
  readonly ROWS: number;
  readonly workgroups: number;
}

/** Side of the square of threads, and of each one's square of pairs, in the pass over the bias. */
const PAIR_THREADS = 8;
const PAIRS = 4;

interface Attention {
  readonly qkv: Tensor;
  readonly bias: Tensor | null;
  readonly heads: number;
  readonly scale: number;
  readonly precision: Precision;
}

/** `mostRows`: queries that the registers of a thread can hold, for heads of 32 channels. */
export function attentionKernel(runner: ShaderRunner, mostRows: number): AttentionKernel {
  const { runtime } = runner;
  return {
    forward(args) {
      const { qkv, bias, heads } = args;
      const [samples, tokens, width] = qkv.shape as [number, number, number];
      const division = divide(args, mostRows);
      const y = runtime.allocate([samples, tokens, width / 3], "float32", storageOf(runner, args));
      const logSums = runtime.allocate([samples, heads, tokens]);
      runner.run({
        ...commonOf(runner, args, division, FORWARD),
        reads: { qkv, bias: runner.floats(bias) },
        writes: { y, logSums: runner.floats(logSums) },
        grid: [division.workgroups, heads, samples],
      });
      return { y, saved: [logSums] };
    },
    backward({ dy, y, saved: [logSumTensor], ...args }) {
      const { qkv, bias, heads } = args;
      const [samples, tokens] = qkv.shape as [number, number, number];
      const division = divide(args, mostRows);
      const dqkv = runtime.allocate(qkv.shape, "float32", storageOf(runner, args));
      const dbias = bias === null ? null : runtime.allocate(bias.shape);
      const deltas = { floats: runtime.scratch(samples * heads * tokens * 4) };
      const logSums = runner.floats(logSumTensor);
      const grid: ShaderCall["grid"] = [division.workgroups, heads, samples];
      const biases = runner.floats(bias);
      runner.run({
        ...commonOf(runner, args, division, QUERIES),
        reads: { qkv, bias: biases, dy, y, logSums },
        writes: { dqkv, deltas },
        grid,
      });
      const reads = { qkv, bias: biases, dy, logSums, deltas };
      runner.run({ ...commonOf(runner, args, division, KEYS), reads, writes: { dqkv }, grid });
      if (dbias !== null) {
        const tiles = Math.ceil(tokens / (PAIR_THREADS * PAIRS));
        runner.run({
          ...commonOf(runner, args, division, BIAS),
          reads,
          writes: { dbias: runner.floats(dbias) },
          grid: [tiles, tiles, heads],
        });
      }
      return { dqkv, dbias };
    },
  };
}

/** Results are stored as qkv is, where heads are whole quads wide. */
function storageOf({ runtime }: ShaderRunner, { qkv, heads }: Attention): Storage {
  return qkv.shape[2]! / 3 / heads % 4 === 0 ? runtime.storage(qkv) : "float32";
}

/** Rows of a tile, so that two kinds of them take 8 KiB. */
function tileOf(headWidth: number): number {
  if (headWidth <= 64) return 16;
  return headWidth <= 128 ? 8 : 4;
}

function divide({ qkv, heads }: Attention, mostRows: number): Division {
  const [, tokens, width] = qkv.shape as [number, number, number];
  const WORKGROUP = tokens <= 96 ? 32 : 64;
  const fits = Math.max(1, Math.floor(mostRows * 32 / (width / 3 / heads)));
  const ROWS = Math.min(fits, 4, Math.ceil(tokens / WORKGROUP));
  return { WORKGROUP, ROWS, workgroups: Math.ceil(tokens / (WORKGROUP * ROWS)) };
}

/** What the four shaders are told alike. */
function commonOf(
  { runtime }: ShaderRunner,
  { qkv, bias, heads, scale, precision }: Attention,
  { WORKGROUP, ROWS }: Division,
  file: ShaderCall["file"],
): Pick<ShaderCall, "file" | "constants" | "uniforms" | "isQuadWide"> {
  const [samples, tokens, width] = qkv.shape as [number, number, number];
  const headWidth = width / 3 / heads;
  const tile = tileOf(headWidth);
  return {
    file,
    constants: {
      WORKGROUP,
      ROWS,
      HEAD_WIDTH: headWidth,
      HEAD_QUADS: Math.ceil(headWidth / 4),
      KEY_TILE: tile,
      QUERY_TILE: tile,
      PAIR_THREADS,
      PAIRS,
      CHUNK: 4,
      HAS_BIAS: bias !== null,
      ROUND: precision === "float16" &&
        (headWidth % 4 !== 0 || runtime.storage(qkv) === "float32"),
    },
    uniforms: { samples, tokens, heads, scale: float(scale) },
    isQuadWide: headWidth % 4 === 0,
  };
}
