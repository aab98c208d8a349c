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
  greater,
  type IndexVariable,
  type KernelBuilder,
  type KernelDescription,
} from "../../code/kernel_builder.ts";
import { tileRegister } from "../../code/tiles.ts";
import { packParameters, pair, storeColumns } from "../pack/description.ts";
import { stepsPerTilePlace, tileBlock, tileBytes, tilePlaceBytes } from "./panels.ts";

const { rows: panelRows } = tileBlock;
const { rowBytes: tileRowBytes } = tileRegister;

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

/** Where a piece of a panel comes from and goes to, and the steps of the depth from there on. */
type PackPiece = (from: IndexVariable, to: IndexVariable, stepsLeft: IndexVariable) => void;

type Parameters = ReturnType<typeof packParameters>;

/** Bytes of a panel of this depth. */
function packedPanelBytes(k: KernelBuilder, depth: IndexVariable): IndexVariable {
  const bytes = k.letIndex(0);
  const stepsLeft = k.letIndex(depth);
  k.doWhile(() => {
    bytes.advance(tilePlaceBytes);
    stepsLeft.set(stepsLeft.minus(stepsPerTilePlace));
  }, greater(stepsLeft, 0));
  return bytes;
}

/**
 * Calls `pack` for each tile of each panel, all places of a tile's rows before the next rows: processors that fetch
 * memory ahead follow so many rows, but not those of a panel.
 */
function forTilesOfRows(
  k: KernelBuilder,
  { source, rowBytes, count, depth, target }: Parameters,
  elementBytes: number,
  pack: PackPiece,
): void {
  const panelBytes = packedPanelBytes(k, depth);
  const tileStep = k.letIndex(tileBytes);
  k.doWhile(() => {
    const [from, to, stepsLeft] = [source, target, depth].map((start) => k.letIndex(start));
    k.doWhile(() => {
      pack(from, to, stepsLeft);
      from.advance(stepsPerTilePlace * elementBytes);
      to.advance(tilePlaceBytes);
      stepsLeft.set(stepsLeft.minus(stepsPerTilePlace));
    }, greater(stepsLeft, 0));
    source.advance(rowBytes.times(tileRegister.rows));
    // To a panel's second tile, and to the first one of the next panel, by turns.
    target.advance(tileStep);
    tileStep.set(panelBytes.minus(tileStep));
    count.set(count.minus(tileRegister.rows));
  }, greater(count, 0));
}

/** Calls `pack` for each place of each panel, all panels of a place before the next place: they share rows. */
function forPlacesOfColumns(
  k: KernelBuilder,
  { source, rowBytes, count, depth, target }: Parameters,
  elementBytes: number,
  pack: PackPiece,
): void {
  const panelBytes = packedPanelBytes(k, depth);
  k.doWhile(() => {
    const [from, to, columnsLeft] = [source, target, count].map((start) => k.letIndex(start));
    k.doWhile(() => {
      pack(k.letIndex(from), k.letIndex(to), depth);
      from.advance(panelRows * elementBytes);
      to.advance(panelBytes);
      columnsLeft.set(columnsLeft.minus(panelRows));
    }, greater(columnsLeft, 0));
    source.advance(rowBytes.times(stepsPerTilePlace));
    target.advance(tilePlaceBytes);
    depth.set(depth.minus(stepsPerTilePlace));
  }, greater(depth, 0));
}

/** Visits the rows of a tile from `from` on, some at a time. After the last one, it is repeated. */
function forRowsOfTile(
  k: KernelBuilder,
  from: IndexVariable,
  { rowBytes, count }: Parameters,
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
  k.repeat(tileRegister.rows / rowsTogether, () => visit(next));
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
  const parameters = packParameters(k);
  forTilesOfRows(k, parameters, 4, (from, to, stepsLeft) => {
    const masks = insideMasks(k, stepsLeft);
    const place = k.letIndex(to);
    forRowsOfTile(k, from, parameters, (next) => {
      k.store(place, roundedPlace(k, next(), masks, parameters.scale));
      place.advance(tileRowBytes);
    });
  });
}

/** The same where the source is bfloat16 in rows of whole places; a scale has no effect. */
function buildPackLeftRowsOfBfloat16(k: KernelBuilder): void {
  const parameters = packParameters(k);
  forTilesOfRows(k, parameters, 2, (from, to) => {
    const place = k.letIndex(to);
    forRowsOfTile(k, from, parameters, (next) => {
      k.store(place, k.load(next()));
      place.advance(tileRowBytes);
    });
  });
}

/** {@link buildPackLeftRows} for the right side, whose tiles have pairs of steps in their rows: rows become columns. */
function buildPackRightRows(k: KernelBuilder): void {
  const parameters = packParameters(k);
  forTilesOfRows(k, parameters, 4, (from, to, stepsLeft) => {
    const masks = insideMasks(k, stepsLeft);
    const place = k.letIndex(to);
    forRowsOfTile(k, from, parameters, (next) => {
      const rows = Array.from(
        { length: group },
        () => k.let(roundedPlace(k, next(), masks, parameters.scale)),
      );
      storeColumns(k, rows, place, tileRowBytes);
      place.advance(group * 4);
    }, group);
  });
}

/** The depth lies down the columns of the source: [depth, count]. */
function buildPackLeftColumns(k: KernelBuilder): void {
  const parameters = packParameters(k);
  const { rowBytes, scale } = parameters;
  forPlacesOfColumns(k, parameters, 4, (from, to, stepsLeft) => {
    const left = k.letIndex(stepsLeft);
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
        storeColumns(k, pairs, to, tileRowBytes, first * tileRowBytes);
        end.set(row);
      }
      from.set(end);
      to.advance(group * 4);
      left.set(left.minus(groupSteps));
    });
  });
}

/** The same for the right side: pairs of rows are next to each other already. */
function buildPackRightColumns(k: KernelBuilder, isBfloat16: boolean): void {
  const parameters = packParameters(k);
  const { rowBytes, scale } = parameters;
  const elementBytes = isBfloat16 ? 2 : 4;
  const halves = panelRows / k.lanes;
  forPlacesOfColumns(k, parameters, elementBytes, (from, to, stepsLeft) => {
    const left = k.letIndex(stepsLeft);
    const next = k.letIndex(from);
    k.repeat(tileRegister.rows, () => {
      next.set(from.plus(rowBytes));
      const store = (pairOf: (offset: number) => Vector) => {
        for (let half = 0; half < halves; half++) {
          k.store(to, pairOf(half * k.lanes * elementBytes), half * tileBytes);
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
      to.advance(tileRowBytes);
      left.set(left.minus(2));
    });
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
