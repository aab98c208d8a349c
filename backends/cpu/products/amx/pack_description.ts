/**
 * Packing for products on tile registers: see `panels.ts` for what the panels look like.
 *
 * @module
 */

import {
  firstLanes,
  fromIndex,
  laneNumbers,
  toVector,
  type Vector,
} from "../../code/expression.ts";
import {
  equal,
  greater,
  type IndexVariable,
  type KernelBuilder,
  type KernelDescription,
} from "../../code/kernel_builder.ts";
import { tileRegister } from "../../code/tiles.ts";
import { packParameters, pair, transpose } from "../pack/description.ts";
import { stepsPerTilePlace, tileBlock, tilePlaceBytes } from "./panels.ts";

const { rows: panelRows } = tileBlock;
/** Bytes of a tile, and of its row. */
const { rowBytes: tileRowBytes } = tileRegister;
const tileBytes = tileRegister.rows * tileRowBytes;

/** Pairs of steps that are transposed together, since a group has four lanes. */
const group = 4;
const groupSteps = 2 * group;

/** Where the depth ends within a place: masks of the lanes of its two vectors. */
function insideMasks(k: KernelBuilder, stepsLeft: IndexVariable): Vector[] {
  const lanes = k.let(laneNumbers());
  return Array.from(
    { length: stepsPerTilePlace / k.lanes },
    (_, part) => k.let(lanes.isLess(k.let(fromIndex(stepsLeft.minus(part * k.lanes))))),
  );
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
    count.set(count.minus(panelRows));
  }, greater(count, 0));
}

/** Visits the rows of a panel's place from `from` on. After the last one, it is repeated. */
function forRowsOfPlace(
  k: KernelBuilder,
  { from, rowBytes, count }: Record<"from" | "rowBytes" | "count", IndexVariable>,
  visit: (next: () => IndexVariable) => void,
  rowsTogether = 1,
): void {
  const row = k.letIndex(from);
  const rowsLeft = k.letIndex(count);
  const next = () => {
    const current = k.letIndex(row);
    k.if(greater(rowsLeft, 1), () => {
      row.advance(rowBytes);
      rowsLeft.set(rowsLeft.minus(1));
    });
    return current;
  };
  k.repeat(panelRows / rowsTogether, () => visit(next));
}

/** The rounded values of a row's place. */
function roundedPlace(
  k: KernelBuilder,
  row: IndexVariable,
  masks: readonly Vector[],
  scale: Vector,
): Vector {
  // What follows the last step may be anything.
  const [lower, upper] = masks.map((mask, part) =>
    k.load(row, part * k.vectorBytes).times(scale).and(mask)
  );
  return lower.toBfloat16(upper);
}

/** The depth lies along the rows of the source: [count, depth]. */
function buildPackLeftRows(k: KernelBuilder): void {
  const { source, rowBytes, count, depth, target, scale } = packParameters(k);
  const panelBytes = k.letIndex(rowBytes.times(panelRows));
  forPlaces(k, { count, depth }, { source, panelBytes }, (from, stepsLeft) => {
    const masks = insideMasks(k, stepsLeft);
    forRowsOfPlace(k, { from, rowBytes, count }, (next) => {
      k.store(target, roundedPlace(k, next(), masks, scale));
      target.advance(tileRowBytes);
    });
    from.advance(stepsPerTilePlace * 4);
  });
}

/** The same for the right side, whose tiles have pairs of steps in their rows: rows become columns. */
function buildPackRightRows(k: KernelBuilder): void {
  const { source, rowBytes, count, depth, target, scale } = packParameters(k);
  const panelBytes = k.letIndex(rowBytes.times(panelRows));
  forPlaces(k, { count, depth }, { source, panelBytes }, (from, stepsLeft) => {
    const masks = insideMasks(k, stepsLeft);
    const to = k.letIndex(target);
    const inTile = k.letIndex(tileRowBytes);
    forRowsOfPlace(k, { from, rowBytes, count }, (next) => {
      const rows = Array.from(
        { length: group },
        () => k.let(roundedPlace(k, next(), masks, scale)),
      );
      transpose(k, rows).forEach((column, step) => {
        for (let part = 0; part < k.lanes / group; part++) {
          k.storeGroup(to, column, part, (group * part + step) * tileRowBytes);
        }
      });
      to.advance(group * 4);
      // After as many columns as a tile's row has, the next tile.
      inTile.set(inTile.minus(group * 4));
      k.if(equal(inTile, 0), () => to.advance(tileBytes - tileRowBytes));
    }, group);
    from.advance(stepsPerTilePlace * 4);
    target.advance(tilePlaceBytes);
  });
}

/** {@link buildPackLeftRows} where the source is bfloat16 in rows of whole places; a scale has no effect. */
function buildPackLeftRowsOfBfloat16(k: KernelBuilder): void {
  const { source, rowBytes, count, depth, target } = packParameters(k);
  const panelBytes = k.letIndex(rowBytes.times(panelRows));
  forPlaces(k, { count, depth }, { source, panelBytes }, (from) => {
    forRowsOfPlace(k, { from, rowBytes, count }, (next) => {
      k.store(target, k.load(next()));
      target.advance(tileRowBytes);
    });
    from.advance(tileRowBytes);
  });
}

/** The depth lies down the columns of the source: [depth, count]. */
function buildPackLeftColumns(k: KernelBuilder): void {
  const { source, rowBytes, count, depth, target, scale } = packParameters(k);
  const panelBytes = k.letIndex(panelRows * 4);
  forPlaces(k, { count, depth }, { source, panelBytes }, (from, stepsLeft) => {
    const left = k.letIndex(stepsLeft);
    const to = k.letIndex(target);
    k.repeat(stepsPerTilePlace / groupSteps, () => {
      const end = k.letIndex(from);
      for (let first = 0; first < panelRows; first += k.lanes) {
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
            k.storeGroup(to, column, part, (first + group * part + place) * tileRowBytes);
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

/** The same for the right side: pairs of rows are next to each other already. */
function buildPackRightColumns(k: KernelBuilder, isBfloat16: boolean): void {
  const { source, rowBytes, count, depth, target, scale } = packParameters(k);
  const elementBytes = isBfloat16 ? 2 : 4;
  const panelBytes = k.letIndex(panelRows * elementBytes);
  const halves = panelRows / k.lanes;
  forPlaces(k, { count, depth }, { source, panelBytes }, (from, stepsLeft) => {
    const left = k.letIndex(stepsLeft);
    const next = k.letIndex(from);
    k.repeat(tileRegister.rows, () => {
      next.set(from.plus(rowBytes));
      const store = (pairOf: (offset: number) => Vector) => {
        for (let half = 0; half < halves; half++) {
          k.store(target, pairOf(half * k.lanes * elementBytes), half * tileBytes);
        }
      };
      const second = (offset: number) => k.load(next, offset).times(scale);
      const pairOf = (offset: number, steps: 1 | 2) => {
        if (!isBfloat16) {
          const first = k.load(from, offset).times(scale);
          return pair(first, steps === 2 ? second(offset) : toVector(0));
        }
        // Half a vector of each row: the second one is loaded to where the first ends.
        const upper = steps === 2 ? k.load(next, offset - k.vectorBytes / 2) : toVector(0);
        return firstLanes(k.lanes / 2).select(k.load(from, offset), upper).interleaveHalves();
      };
      k.if(
        greater(left, 1),
        () => store((offset) => pairOf(offset, 2)),
        () =>
          k.if(
            greater(left, 0),
            () => store((offset) => pairOf(offset, 1)),
            () => store(() => toVector(0)),
          ),
      );
      from.set(next.plus(rowBytes));
      target.advance(tileRowBytes);
      left.set(left.minus(2));
    });
    target.advance((halves - 1) * tileBytes);
  });
}

export const packDescriptions: readonly KernelDescription[] = [
  { name: "packLeftRowsForTiles", build: buildPackLeftRows },
  { name: "packLeftColumnsForTiles", build: buildPackLeftColumns },
  { name: "packLeftRowsOfBfloat16ForTiles", build: buildPackLeftRowsOfBfloat16 },
  { name: "packRightRowsForTiles", build: buildPackRightRows },
  { name: "packRightColumnsForTiles", build: (k) => buildPackRightColumns(k, false) },
  { name: "packRightColumnsOfBfloat16ForTiles", build: (k) => buildPackRightColumns(k, true) },
];
