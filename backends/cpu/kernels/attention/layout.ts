/** The scratch memory of attention. @module */

import { stepsPerTilePlace, tileBlock } from "../../products/amx/panels.ts";
import type { StepsPerPlace } from "../../products/pack/job.ts";
import { blockBytes, panelFloats } from "../../products/panel_products.ts";
import type { TileShape } from "../../products/tile.ts";

/** About this many queries form a block, always in whole tiles. */
const forwardQueries = 48;
const backwardQueries = 72;

/**
 * The same on tile registers, with which the products take so little time that beginning one counts: all queries of
 * most models at once, whose scores are still in a second-level cache of 2 MiB.
 */
const tileQueries = 256;

function roundDown(value: number, step: number): number {
  return value - value % step;
}

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}

function queriesOnTiles(tokens: number): number {
  return Math.min(roundUp(tokens, tileBlock.rows), tileQueries);
}

/** Hands out addresses within a thread's scratch memory, one after another. */
class Layout {
  #next: number;

  constructor(start: number) {
    this.#next = start;
  }

  take(floats: number): number {
    const address = this.#next;
    this.#next += roundUp(floats * 4 + 64, 64);
    return address;
  }

  get end(): number {
    return this.#next;
  }
}

interface Sizes {
  tokens: number;
  headSize: number;
}

/** Shapes, and the format of packed panels with its block. */
type SizesWithFormat = Sizes & { block: TileShape; stepsPerPlace: StepsPerPlace };

/** Where the parts of the forward pass are in a thread's scratch memory. */
export function forwardLayout(sizes: SizesWithFormat, start: number) {
  const { tokens, headSize, block, stepsPerPlace } = sizes;
  const layout = new Layout(start);
  const columns = roundUp(tokens, block.columns);
  const rows = stepsPerPlace === stepsPerTilePlace
    ? queriesOnTiles(tokens)
    : roundUp(forwardQueries, block.rows);
  const deep = (depth: number) => panelFloats(depth, stepsPerPlace);
  const places = {
    edge: layout.take(blockBytes / 4),
    keys: layout.take(columns * deep(headSize)),
    values: layout.take(roundUp(headSize, block.columns) * deep(tokens)),
    packed: layout.take(rows * deep(Math.max(tokens, headSize))),
    scores: layout.take(rows * columns),
  };
  return { ...places, rows, scoreBytes: columns * 4, bytes: layout.end - start };
}

/** The same of the backward pass. */
export function backwardLayout(sizes: SizesWithFormat, start: number) {
  const { tokens, headSize, block, stepsPerPlace } = sizes;
  const layout = new Layout(start);
  const columns = roundUp(tokens, block.columns);
  const width = roundUp(headSize, block.columns);
  const rows = stepsPerPlace === stepsPerTilePlace
    ? queriesOnTiles(tokens)
    : roundDown(backwardQueries, block.rows);
  const deep = (depth: number) => panelFloats(depth, stepsPerPlace);
  const places = {
    edge: layout.take(blockBytes / 4),
    /** Keys and values with the depth along their rows, and keys down their columns. */
    keys: layout.take(columns * deep(headSize)),
    values: layout.take(columns * deep(headSize)),
    keyRows: layout.take(width * deep(tokens)),
    packed: layout.take(Math.max(
      rows * deep(Math.max(tokens, headSize)),
      roundUp(tokens, block.rows) * deep(rows),
    )),
    queries: layout.take(width * deep(rows)),
    slopes: layout.take(width * deep(rows)),
    scores: layout.take(rows * columns),
    dscores: layout.take(rows * columns),
    deltas: layout.take(rows),
  };
  return { ...places, rows, scoreBytes: columns * 4, bytes: layout.end - start };
}

/** Scratch bytes of a thread. */
export function attentionForwardBytes(sizes: SizesWithFormat): number {
  return forwardLayout(sizes, 0).bytes;
}

export function attentionBackwardBytes(sizes: SizesWithFormat): number {
  return backwardLayout(sizes, 0).bytes;
}
