/**
 * The matrix product on tile registers (AMX), and the packing of its left operand.
 *
 * Two tiles of A by two of B: four loads for four products, the least with eight tiles. A result of 32×32
 * goes through a scratch in the first-level cache, from where whole vectors take it to its place: tiles
 * stored there directly take much longer, because the rows of a large matrix are far apart. On that way
 * the initial values are added and the activation is applied.
 *
 * @module
 */

import { fromIndex, laneNumbers, type Vector } from "../../code/expression.ts";
import {
  equal,
  greater,
  type IndexVariable,
  type KernelBuilder,
  type KernelDescription,
} from "../../code/kernel_builder.ts";
import {
  endTiles,
  loadTile,
  multiplyTiles,
  startTiles,
  storeTile,
  tileAddress,
  tileRegister,
  zeroTile,
} from "../../code/tiles.ts";
import { activationFormulas } from "../../kernels/linear/description.ts";
import { packParameters, pair, transpose } from "../pack/description.ts";
import { stepsPerTilePlace, tileBlock, tilePlaceBytes } from "./panels.ts";

const { rows: blockRows, columns: blockColumns } = tileBlock;
/** Bytes of a row of pairs of B, and of a row of the scratch. */
const wideRowBytes = blockColumns * 4;
/** Bytes of a row of A: one of a tile. */
const narrowRowBytes = stepsPerTilePlace * 2;
const lowerTile = tileRegister.rows;

/** Numbers of the tiles: results by row and column, then operands. */
const results = [[0, 1], [2, 3]] as const;
const [leftTiles, rightTiles] = [[4, 5], [6, 7]] as const;

interface Pointers {
  readonly a: IndexVariable;
  readonly b: IndexVariable;
  readonly scratch: IndexVariable;
}

interface RowBytes {
  readonly narrow: IndexVariable;
  readonly wide: IndexVariable;
}

/** A block's sums over `places` into the scratch; advances `a` and `b` past their panels. */
function multiplyPanels(
  k: KernelBuilder,
  places: IndexVariable,
  { a, b, scratch }: Pointers,
  { narrow, wide }: RowBytes,
): void {
  for (const tile of results.flat()) zeroTile(k, tile);
  const loadLeft = (row: 0 | 1) => {
    const offset = row * lowerTile * narrowRowBytes;
    loadTile(k, leftTiles[row], { address: a, rowBytes: narrow, offset });
  };
  const loadRight = (column: 0 | 1) => {
    const offset = column * tileRegister.rowBytes;
    loadTile(k, rightTiles[column], { address: b, rowBytes: wide, offset });
  };
  const multiply = (row: 0 | 1, column: 0 | 1) =>
    multiplyTiles(k, results[row][column], leftTiles[row], rightTiles[column]);
  const left = k.letIndex(places);
  k.doWhile(() => {
    loadRight(0);
    loadLeft(0);
    multiply(0, 0);
    loadRight(1);
    multiply(0, 1);
    loadLeft(1);
    multiply(1, 0);
    multiply(1, 1);
    a.advance(tilePlaceBytes);
    b.advance(tilePlaceBytes);
    left.set(left.minus(1));
  }, greater(left, 0));
  results.forEach((tiles, row) =>
    tiles.forEach((tile, column) => {
      const offset = row * lowerTile * wideRowBytes + column * tileRegister.rowBytes;
      storeTile(k, tile, { address: scratch, rowBytes: wide, offset });
    })
  );
}

/** Calls `visit` with each of the vectors of a row and the lanes that are within `columns`. */
function forParts(
  k: KernelBuilder,
  columns: IndexVariable,
): (visit: (offset: number, isInside: Vector) => void) => void {
  const lanes = k.let(laneNumbers());
  const parts = Array.from({ length: blockColumns / k.lanes }, (_, part) => ({
    offset: part * k.vectorBytes,
    isInside: lanes.isLess(k.let(fromIndex(columns.minus(part * k.lanes)))),
  }));
  return (visit) => parts.forEach(({ offset, isInside }) => visit(offset, isInside));
}

/** `limit`, or `value` if that is smaller. */
function atMost(k: KernelBuilder, value: IndexVariable, limit: number): IndexVariable {
  const result = k.letIndex(value);
  k.if(greater(result, limit), () => result.set(limit));
  return result;
}

/**
 * C = start + A·B, and f(C) if `activation` is not 0, at `activated`, which is laid out like `c`. The
 * parameters are those of `gemmBlock` with tiles as places; `edge` is the scratch.
 */
function buildTileBlock(k: KernelBuilder): void {
  const [places, a, b, c, rowBytes, rows, columns] = k.indices(
    "places",
    "a",
    "b",
    "c",
    "rowBytes",
    "rows",
    "columns",
  );
  const [start, startRowBytes, startPanelBytes, edge, activation, activated] = k.indices(
    "start",
    "startRowBytes",
    "startPanelBytes",
    "edge",
    "activation",
    "activated",
  );
  const tileRowBytes = { narrow: k.letIndex(narrowRowBytes), wide: k.letIndex(wideRowBytes) };
  const panelBytes = k.letIndex(places.times(tilePlaceBytes));
  activated.set(activated.minus(c));
  startTiles(k);
  k.doWhile(() => {
    const aPanel = tileAddress(k, a);
    const target = k.letIndex(c);
    const from = k.letIndex(start);
    const rowsLeft = k.letIndex(rows);
    k.doWhile(() => {
      const pointers = { a: aPanel, b: tileAddress(k, b), scratch: tileAddress(k, edge) };
      multiplyPanels(k, places, pointers, tileRowBytes);
      const forPartsOfRow = forParts(k, columns);
      const sums = k.letIndex(edge);
      const finish = (activate: (value: Vector, isInside: Vector, offset: number) => void) =>
        k.repeat(atMost(k, rowsLeft, blockRows), () => {
          forPartsOfRow((offset, isInside) => {
            const value = k.let(k.load(sums, offset).plus(k.load(from, offset)));
            k.storeWhere(isInside, target, value, offset);
            activate(value, isInside, offset);
          });
          sums.advance(wideRowBytes);
          from.advance(startRowBytes);
          target.advance(rowBytes);
        });
      k.if(
        equal(activation, 0),
        () => finish(() => {}),
        () =>
          finish((value, isInside, offset) =>
            activationFormulas.forEach((formula, index) =>
              k.if(equal(activation, index + 1), () => {
                k.storeWhere(isInside, target.plus(activated), formula(k, value), offset);
              })
            )
          ),
      );
      rowsLeft.set(rowsLeft.minus(blockRows));
    }, greater(rowsLeft, 0));
    b.advance(panelBytes);
    c.advance(wideRowBytes);
    start.advance(startPanelBytes);
    columns.set(columns.minus(blockColumns));
  }, greater(columns, 0));
  endTiles(k);
}

/** Calls `pack` for each place of each panel with the steps of the depth that are left. */
function forPlaces(
  k: KernelBuilder,
  { count, depth }: { count: IndexVariable; depth: IndexVariable },
  { source, panelBytes }: { source: IndexVariable; panelBytes: IndexVariable },
  pack: (from: IndexVariable, stepsLeft: IndexVariable) => void,
): void {
  k.doWhile(() => {
    const from = k.letIndex(source);
    const stepsLeft = k.letIndex(depth);
    k.doWhile(() => {
      pack(from, stepsLeft);
      stepsLeft.set(stepsLeft.minus(stepsPerTilePlace));
    }, greater(stepsLeft, 0));
    source.advance(panelBytes);
    count.set(count.minus(blockRows));
  }, greater(count, 0));
}

/** The depth lies along the rows of the source: [count, depth]. After the last row, it is repeated. */
function buildPackRows(k: KernelBuilder): void {
  const { source, rowBytes, count, depth, target, scale } = packParameters(k);
  const panelBytes = k.letIndex(rowBytes.times(blockRows));
  forPlaces(k, { count, depth }, { source, panelBytes }, (from, stepsLeft) => {
    // What follows the last step may be anything.
    const parts: { offset: number; mask: Vector }[] = [];
    forParts(k, stepsLeft)((offset, isInside) => parts.push({ offset, mask: k.let(isInside) }));
    const row = k.letIndex(from);
    const rowsLeft = k.letIndex(count);
    k.repeat(blockRows, () => {
      const [lower, upper] = parts.map(({ offset, mask }) =>
        k.load(row, offset).times(scale).and(mask)
      );
      k.store(target, lower.toBfloat16(upper));
      target.advance(narrowRowBytes);
      k.if(greater(rowsLeft, 1), () => {
        row.advance(rowBytes);
        rowsLeft.set(rowsLeft.minus(1));
      });
    });
    from.advance(stepsPerTilePlace * 4);
  });
}

/** The same where the source is bfloat16 in rows of whole places; a scale has no effect. */
function buildPackRowsOfBfloat16(k: KernelBuilder): void {
  const { source, rowBytes, count, depth, target } = packParameters(k);
  const panelBytes = k.letIndex(rowBytes.times(blockRows));
  forPlaces(k, { count, depth }, { source, panelBytes }, (from) => {
    const row = k.letIndex(from);
    const rowsLeft = k.letIndex(count);
    k.repeat(blockRows, () => {
      k.store(target, k.load(row));
      target.advance(narrowRowBytes);
      k.if(greater(rowsLeft, 1), () => {
        row.advance(rowBytes);
        rowsLeft.set(rowsLeft.minus(1));
      });
    });
    from.advance(narrowRowBytes);
  });
}

/** Steps that are transposed together: four pairs, since a group has four lanes. */
const group = 4;
const groupSteps = 2 * group;

/** The depth lies down the columns of the source: [depth, count]. */
function buildPackColumns(k: KernelBuilder): void {
  const { source, rowBytes, count, depth, target, scale } = packParameters(k);
  const panelBytes = k.letIndex(blockRows * 4);
  forPlaces(k, { count, depth }, { source, panelBytes }, (from, stepsLeft) => {
    const left = k.letIndex(stepsLeft);
    const to = k.letIndex(target);
    k.repeat(stepsPerTilePlace / groupSteps, () => {
      const end = k.letIndex(from);
      for (let first = 0; first < blockRows; first += k.lanes) {
        const row = k.letIndex(from);
        const step = (index: number) => {
          const value = k.let(0);
          k.if(greater(left, index), () => value.set(k.load(row, first * 4).times(scale)));
          row.advance(rowBytes);
          return value;
        };
        const pairs = Array.from({ length: group }, (_, place) => {
          const first = step(2 * place);
          return pair(first, step(2 * place + 1));
        });
        transpose(k, pairs).forEach((column, place) => {
          for (let part = 0; part < k.lanes / group; part++) {
            k.storeGroup(to, column, part, (first + group * part + place) * narrowRowBytes);
          }
        });
        end.set(row);
      }
      from.set(end);
      to.advance(group * 4);
      left.set(left.minus(groupSteps));
    });
    target.advance(tilePlaceBytes);
  });
}

export const descriptions: readonly KernelDescription[] = [
  { name: "tileBlock", build: buildTileBlock },
  { name: "packLeftRowsForTiles", build: buildPackRows },
  { name: "packLeftColumnsForTiles", build: buildPackColumns },
  { name: "packLeftRowsOfBfloat16ForTiles", build: buildPackRowsOfBfloat16 },
];
