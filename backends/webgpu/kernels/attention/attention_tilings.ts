/** How attention divides its work among workgroups and threads; see `attention_tiles.wgsl`. @module */

import type { AdapterSummary } from "../../adapter.ts";

/** Of a kernel that makes pairs of queries and keys. */
export interface PairTiling {
  /** Threads side by side along the queries, and along the keys. */
  readonly queryThreads: number;
  readonly keyThreads: number;
  /** Quads of queries, and of keys, that a thread owns. */
  readonly queryMicro: number;
  readonly keyMicro: number;
  /** Channels that are in workgroup memory at a time. */
  readonly channels: number;
}

/** Of the product with the kept pairs, which gives dq. */
export interface RowTiling {
  readonly threads: number;
  /** Quads of queries of a workgroup. */
  readonly queryQuads: number;
  /** Keys that are in workgroup memory at a time. */
  readonly keys: number;
}

/** Of all kernels of attention. */
export interface AttentionTiling {
  readonly forward: PairTiling;
  /** Of the pass over the keys, which gives dk and dv. */
  readonly keys: PairTiling;
  readonly queries: RowTiling;
  /** Maximum number of threads side by side along the channels of a result. */
  readonly channelThreads: number;
}

/** The constants of `attention_tiles.wgsl`. */
export type TileConstants = Readonly<Record<string, number>>;

/**
 * For emulated GPUs on a CPU: neighbouring threads are lanes of a vector, each with its own rows, that loop
 * over the same keys (or queries, for dk and dv).
 */
function lanes(count: number): AttentionTiling {
  return {
    forward: pairs([count, 1], [2, 4], 8),
    keys: pairs([2, 4], [count, 1], 8),
    queries: { threads: 2 * count, queryQuads: count, keys: 4 },
    channelThreads: 4,
  };
}

/** By [threads, quads of each] along the queries and along the keys. */
export function pairs(
  [queryThreads, queryMicro]: [number, number],
  [keyThreads, keyMicro]: [number, number],
  channels: number,
): PairTiling {
  return { queryThreads, queryMicro, keyThreads, keyMicro, channels };
}

/** Ways to divide the work; which is fastest depends on the GPU, see `bench/webgpu/attention.ts`. */
export const ATTENTION_TILINGS = {
  square64: {
    forward: pairs([16, 1], [8, 2], 32),
    keys: pairs([8, 2], [16, 1], 32),
    queries: { threads: 128, queryQuads: 16, keys: 32 },
    channelThreads: 16,
  },
  small64: {
    forward: pairs([16, 1], [4, 4], 16),
    keys: pairs([4, 2], [8, 1], 16),
    queries: { threads: 64, queryQuads: 8, keys: 16 },
    channelThreads: 16,
  },
  lanes16: lanes(16),
  lanes32: lanes(32),
} satisfies Record<string, AttentionTiling>;

/** How the work is divided, by the number of tokens and the quads of a head. */
export type AttentionTilingChoice = (tokens: number, headQuads: number) => AttentionTiling;

/** The choice for a device. */
export function attentionTilingChoice(adapter: AdapterSummary): AttentionTilingChoice {
  const { square64, small64, lanes16, lanes32 } = ATTENTION_TILINGS;
  const { maxComputeWorkgroupStorageSize: limit } = adapter.limits;
  return (tokens, headQuads) => {
    const onProcessor = tokens <= 64 ? [lanes16] : [lanes32, lanes16];
    const wanted = adapter.isSoftware ? onProcessor : [square64, small64, lanes16];
    return wanted.find((tiling) => workgroupBytes(tiling, headQuads) <= limit) ?? lanes16;
  };
}

/** The most workgroup memory that a kernel takes. */
export function workgroupBytes(tiling: AttentionTiling, headQuads: number): number {
  const quads = [
    tileQuads(forwardConstants(tiling, headQuads)),
    tileQuads(keysConstants(tiling, headQuads)),
    tileQuads(queriesConstants(tiling, headQuads)),
  ];
  return Math.max(quads[0] * 16 + statisticsBytes(tiling), quads[1] * 16, quads[2] * 16);
}

/** Workgroup memory for the statistics of the softmax. */
export function statisticsBytes({ forward }: AttentionTiling): number {
  return forward.queryThreads * forward.queryMicro * (forward.keyThreads + 1) * 16;
}

function tileQuads({ DEPTH, LEFT_QUADS, RIGHT_QUADS }: TileConstants): number {
  return DEPTH * (LEFT_QUADS + RIGHT_QUADS);
}

/** Constants of the forward pass: left are keys, right are queries. */
export function forwardConstants(tiling: AttentionTiling, headQuads: number): TileConstants {
  const { queryThreads, keyThreads, queryMicro, keyMicro, channels } = tiling.forward;
  const left = { threads: keyThreads, micro: keyMicro };
  const right = { threads: queryThreads, micro: queryMicro };
  return pairConstants(tiling, headQuads, { left, right, channels });
}

/** Constants of the pass over the keys: left are queries, right are keys. */
export function keysConstants(tiling: AttentionTiling, headQuads: number): TileConstants {
  const { queryThreads, keyThreads, queryMicro, keyMicro, channels } = tiling.keys;
  const left = { threads: queryThreads, micro: queryMicro };
  const right = { threads: keyThreads, micro: keyMicro };
  return pairConstants(tiling, headQuads, { left, right, channels });
}

/** Constants of a kernel that owns the rows on the right and walks over those on the left. */
function pairConstants(
  { channelThreads }: AttentionTiling,
  headQuads: number,
  { left, right, channels }: Pick<Products, "left" | "right" | "channels">,
): TileConstants {
  return constantsOf({
    left,
    right,
    weightQuads: right.threads * right.micro,
    threads: right.threads * left.threads,
    channels: Math.min(channels, headQuads * 4),
    positions: left.threads * 4,
    headQuads,
    channelThreads,
  });
}

/** Constants of the pass over the queries: left are the pairs of a tile of queries. */
export function queriesConstants(tiling: AttentionTiling, headQuads: number): TileConstants {
  const { threads, queryQuads, keys } = tiling.queries;
  return {
    ...constantsOf({
      left: { threads: queryQuads, micro: 1 },
      right: { threads: 1, micro: 1 },
      weightQuads: queryQuads,
      threads,
      channels: keys,
      positions: keys,
      headQuads,
      channelThreads: tiling.channelThreads,
    }),
    LEFT_TILE_QUADS: queryQuads,
  };
}

interface Products {
  readonly left: { readonly threads: number; readonly micro: number };
  readonly right: { readonly threads: number; readonly micro: number };
  /** Quads of rows of the outputs. */
  readonly weightQuads: number;
  readonly threads: number;
  readonly channels: number;
  readonly positions: number;
  readonly headQuads: number;
  readonly channelThreads: number;
}

function constantsOf(products: Products): TileConstants {
  const { left, right, threads, channels, positions, headQuads } = products;
  const output = divideOutputs(products);
  const quads = { left: left.threads * left.micro, right: right.threads * right.micro };
  const blocks = { left: quads.left * channels / 4, right: quads.right * channels / 4 };
  const rowBlocks = positions * headQuads;
  const inEights = (...counts: number[]) => Math.ceil(Math.max(...counts) / 8) * 8;
  return {
    THREADS: threads,
    LEFT_THREADS: left.threads,
    LEFT_MICRO: left.micro,
    LEFT_ROWS: left.micro * 4,
    RIGHT_THREADS: right.threads,
    RIGHT_MICRO: right.micro,
    ...output,
    OUT_LEFT_ROWS: output.OUT_LEFT_MICRO * 4,
    CHANNELS: channels,
    CHANNEL_QUADS: channels / 4,
    POSITIONS: positions,
    DEPTH: Math.max(channels, positions),
    LEFT_QUADS: inEights(quads.left, output.OUT_LEFT_THREADS * output.OUT_LEFT_MICRO),
    RIGHT_QUADS: inEights(quads.right, output.OUT_RIGHT_THREADS * output.OUT_RIGHT_MICRO),
    LEFT_BLOCKS: blocks.left,
    LEFT_FILLS: Math.ceil(blocks.left / threads),
    RIGHT_BLOCKS: blocks.right,
    RIGHT_FILLS: Math.ceil(blocks.right / threads),
    ROW_BLOCKS: rowBlocks,
    ROW_FILLS: Math.ceil(rowBlocks / threads),
  };
}

/** The division of rows × channels that leaves a thread the fewest, the widest of equal ones. */
function divideOutputs({ threads, weightQuads, headQuads, channelThreads }: Products) {
  let best = null;
  for (let across = 1; across <= threads; across *= 2) {
    const along = threads / across;
    if (along > weightQuads) continue;
    const division = {
      OUT_LEFT_THREADS: along,
      OUT_LEFT_MICRO: Math.ceil(weightQuads / along),
      OUT_RIGHT_THREADS: across,
      OUT_RIGHT_MICRO: Math.ceil(headQuads / across),
    };
    const work = division.OUT_LEFT_MICRO * division.OUT_RIGHT_MICRO;
    if (best === null || across <= channelThreads && work <= best.work) {
      best = { division, work };
    }
  }
  return best!.division;
}
