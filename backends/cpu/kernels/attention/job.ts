/**
 * Attention for one sample and head at a time, in blocks of queries. Scores are never kept: the
 * backward pass computes them again from the saved maximum and sum of each row.
 *
 * @module
 */

import { zerosOffset } from "../../memory/arena.ts";
import type { StepsPerPlace } from "../../products/pack/job.ts";
import { blockShape, panelProducts } from "../../products/panel_products.ts";
import type { TileShape } from "../../products/tile.ts";
import { type Bench, defineJob, type JobArguments } from "../../threads/job.ts";
import { backwardLayout, forwardLayout } from "./layout.ts";

/** Where the scores of a block of queries start from: rows of the bias, or zero. */
function scoreStart(bias: number, row: number, tokens: number, panelColumns: number) {
  if (bias === 0) return [zerosOffset, 0, 0];
  return [bias + row * tokens * 4, tokens * 4, panelColumns * 4];
}

const forwardFields = [
  "qkv",
  "bias",
  "y",
  "statistics",
  "heads",
  "tokens",
  "headSize",
  "scale",
  "stepsPerPlace",
] as const;

/** An item is a sample and head. `statistics` [B, H, N, 2]: maximum and 1/Σ of each row of scores. */
export const attentionJob = defineJob("attention", forwardFields, (bench, values, item) => {
  const { kernels } = bench;
  const stepsPerPlace = values.stepsPerPlace as StepsPerPlace;
  const { left, right, multiply } = panelProducts(kernels, stepsPerPlace);
  const shape = blockShape(bench.tile, stepsPerPlace);
  const { qkv, bias, y, statistics, heads, tokens, headSize, scale } = values;
  const sample = Math.floor(item / heads);
  const head = item % heads;
  const yBytes = heads * headSize * 4;
  const qkvBytes = 3 * yBytes;
  const queries = qkv + sample * tokens * qkvBytes + head * headSize * 4;
  const places = forwardLayout(
    { tokens, headSize, block: shape, stepsPerPlace },
    bench.scratch,
  );
  const { edge, packed, scores, scoreBytes } = places;
  const block = places.rows;
  right.packRows(queries + yBytes, qkvBytes, tokens, headSize, places.keys, 1);
  right.packColumns(queries + 2 * yBytes, qkvBytes, headSize, tokens, places.values, 1);
  for (let first = 0; first < tokens; first += block) {
    const rows = Math.min(block, tokens - first);
    left.packRows(queries + first * qkvBytes, qkvBytes, rows, headSize, packed, scale);
    const start = scoreStart(bias, head * tokens + first, tokens, shape.columns);
    multiply(
      headSize,
      packed,
      places.keys,
      scores,
      scoreBytes,
      rows,
      tokens,
      ...start,
      edge,
    );
    const rowStatistics = statistics + (item * tokens + first) * 8;
    kernels.exponentials(scores, scoreBytes, rows, tokens, rowStatistics);
    left.packRows(scores, scoreBytes, rows, tokens, packed, 1);
    const output = y + (sample * tokens + first) * yBytes + head * headSize * 4;
    multiply(
      tokens,
      packed,
      places.values,
      output,
      yBytes,
      rows,
      headSize,
      zerosOffset,
      0,
      0,
      edge,
    );
    kernels.scaleRows(output, yBytes, rows, headSize, rowStatistics + 4, 8);
  }
});

const backwardFields = [
  "dy",
  "qkv",
  "bias",
  "y",
  "statistics",
  "dqkv",
  "dbiases",
  "samples",
  "groups",
  "heads",
  "tokens",
  "headSize",
  "scale",
  "stepsPerPlace",
] as const;

type Backward = JobArguments<(typeof backwardFields)[number]>;

/** One sample and head of the backward pass; `dbias` is where its scores' gradients are added. */
class BackwardPass {
  readonly #bench: Bench;
  readonly #values: Backward;
  readonly #products: ReturnType<typeof panelProducts>;
  readonly #shape: TileShape;
  readonly #places: ReturnType<typeof backwardLayout>;
  readonly #head: number;
  readonly #sample: number;
  /** Byte offset of the sample's first row and the head's first column in qkv and in y. */
  readonly #qkvOffset: number;
  readonly #yOffset: number;
  readonly #yBytes: number;

  constructor(bench: Bench, values: Backward, sample: number, head: number) {
    this.#bench = bench;
    this.#values = values;
    const stepsPerPlace = values.stepsPerPlace as StepsPerPlace;
    const { samples, tokens, heads, headSize } = values;
    const resultBytes = samples * tokens * 3 * heads * headSize * 4;
    this.#products = panelProducts(bench.kernels, stepsPerPlace, resultBytes);
    this.#shape = blockShape(bench.tile, stepsPerPlace);
    const sizes = { ...values, block: this.#shape, stepsPerPlace };
    this.#places = backwardLayout(sizes, bench.scratch);
    this.#head = head;
    this.#sample = sample;
    this.#yBytes = values.heads * values.headSize * 4;
    this.#yOffset = sample * values.tokens * this.#yBytes + head * values.headSize * 4;
    this.#qkvOffset = 3 * sample * values.tokens * this.#yBytes + head * values.headSize * 4;
  }

  run(dbias: number): void {
    const { packRows, packColumns } = this.#products.right;
    const { qkv, tokens, headSize } = this.#values;
    const { keys, values, keyRows, rows: block } = this.#places;
    const qkvBytes = 3 * this.#yBytes;
    const key = qkv + this.#qkvOffset + this.#yBytes;
    const value = key + this.#yBytes;
    packRows(key, qkvBytes, tokens, headSize, keys, 1);
    packRows(value, qkvBytes, tokens, headSize, values, 1);
    packColumns(key, qkvBytes, headSize, tokens, keyRows, 1);
    for (let first = 0; first < tokens; first += block) {
      const rows = Math.min(block, tokens - first);
      this.#scores(first, rows, dbias === 0 ? 0 : dbias + first * tokens * 4);
      this.#gradients(first, rows);
    }
  }

  /** The block's probabilities and the gradients of its scores. */
  #scores(first: number, rows: number, dbias: number): void {
    const { kernels } = this.#bench;
    const { left, multiply } = this.#products;
    const { dy, qkv, y, bias, statistics, tokens, headSize, scale, heads } = this.#values;
    const { edge, keys, values, packed, scores, dscores, deltas, scoreBytes } = this.#places;
    const yBytes = this.#yBytes;
    const row = this.#yOffset + first * yBytes;
    const query = qkv + this.#qkvOffset + first * 3 * yBytes;
    left.packRows(query, 3 * yBytes, rows, headSize, packed, scale);
    const scoreRow = this.#head * tokens + first;
    const start = scoreStart(bias, scoreRow, tokens, this.#shape.columns);
    multiply(headSize, packed, keys, scores, scoreBytes, rows, tokens, ...start, edge);
    left.packRows(dy + row, yBytes, rows, headSize, packed, 1);
    const zero = [zerosOffset, 0, 0];
    multiply(headSize, packed, values, dscores, scoreBytes, rows, tokens, ...zero, edge);
    kernels.rowDots(dy + row, yBytes, y + row, yBytes, deltas, rows, headSize);
    const rowStatistics = statistics +
      ((this.#sample * heads + this.#head) * tokens + first) * 8;
    kernels.scoresBackward(
      scores,
      dscores,
      scoreBytes,
      rows,
      tokens,
      rowStatistics,
      deltas,
      dbias,
    );
  }

  /** The block's share of dq, dk and dv. */
  #gradients(first: number, rows: number): void {
    const { left, right, multiply, multiplyOnce } = this.#products;
    const { dy, qkv, dqkv, tokens, headSize, scale } = this.#values;
    const { edge, keyRows, packed, queries, slopes, scores, dscores, scoreBytes } = this.#places;
    const yBytes = this.#yBytes;
    const qkvBytes = 3 * yBytes;
    const dquery = dqkv + this.#qkvOffset;
    const queryRow = first * qkvBytes;
    left.packRows(dscores, scoreBytes, rows, tokens, packed, scale);
    const zero = [zerosOffset, 0, 0];
    const dqueryRow = dquery + queryRow;
    multiplyOnce(
      tokens,
      packed,
      keyRows,
      dqueryRow,
      qkvBytes,
      rows,
      headSize,
      ...zero,
      edge,
    );
    const query = qkv + this.#qkvOffset + queryRow;
    right.packColumns(query, qkvBytes, headSize, rows, queries, 1);
    const slope = dy + this.#yOffset + first * yBytes;
    right.packColumns(slope, yBytes, headSize, rows, slopes, 1);
    const addTo = rows === tokens ? multiplyOnce : multiply;
    const add = (target: number, a: number, b: number, factor: number) => {
      const start = first === 0 ? zero : [target, qkvBytes, this.#shape.columns * 4];
      left.packColumns(a, scoreBytes, tokens, rows, packed, factor);
      addTo(rows, packed, b, target, qkvBytes, tokens, headSize, ...start, edge);
    };
    add(dquery + yBytes, dscores, queries, scale);
    add(dquery + 2 * yBytes, scores, slopes, 1);
  }
}

/**
 * An item is a head and a group of samples. `dbiases` [groups, H, N, N] holds the sum over each
 * group, or is 0. Shapes alone decide the number of groups, and so the order of sums.
 */
export const attentionBackwardJob = defineJob(
  "attentionBackward",
  backwardFields,
  (bench, values, item) => {
    const { dbiases, samples, groups, heads, tokens } = values;
    const group = Math.floor(item / heads);
    const head = item % heads;
    const dbias = dbiases === 0 ? 0 : dbiases + item * tokens * tokens * 4;
    if (dbias !== 0) bench.kernels.fill(dbias, tokens * tokens, 0);
    const end = Math.floor(samples * (group + 1) / groups);
    for (let sample = Math.floor(samples * group / groups); sample < end; sample++) {
      new BackwardPass(bench, values, sample, head).run(dbias);
    }
  },
);
