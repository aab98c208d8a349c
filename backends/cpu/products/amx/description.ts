/**
 * The matrix product on tile registers (AMX).
 *
 * Two tiles of A by two of B: four loads for four products, the least with eight tiles. Operands are loaded a
 * place ahead, since a tile's load and product take long, and a core whose other hardware thread is busy does not
 * look far ahead by itself.
 *
 * A result of 32×32 goes through a scratch in the first-level cache, from where whole vectors take it to its place:
 * tiles stored there directly take longer, because the rows of a large matrix are far apart. On that way the initial
 * values are added and the activation is applied. All this happens between the products of the next result, which
 * leave the vector units and the memory idle.
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
  less,
  notLess,
  type VectorVariable,
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
import { packDescriptions } from "./pack_description.ts";
import { tileBlock, tileBytes, tilePlaceBytes } from "./panels.ts";

const { rows: blockRows, columns: blockColumns } = tileBlock;
/** Bytes of a row of the scratch. */
const scratchRowBytes = blockColumns * 4;
const lowerTile = tileRegister.rows;

/** Rows of a result that leave the scratch between the products of two places. */
const rowsBetween = 4;

/** Numbers of the tiles: results by row and column, then operands. */
const results = [[0, 1], [2, 3]] as const;
const [leftTiles, rightTiles] = [[4, 5], [6, 7]] as const;

const formats = ["float32", "bfloat16", "bfloat16 of the activation alone"] as const;

/** The parameter `format` of a product that writes its result and its activation so. */
export function tileFormat(format: (typeof formats)[number]): number {
  return formats.indexOf(format);
}

/** The operands' next place, and the bytes of a tile's row. */
interface Operands {
  readonly a: IndexVariable;
  readonly b: IndexVariable;
  readonly rowBytes: IndexVariable;
}

/** Multiplies the place that is loaded, and loads the next one as soon as its tiles are free. */
function multiplyPlace(k: KernelBuilder, { a, b, rowBytes }: Operands): void {
  const multiply = (row: 0 | 1, column: 0 | 1) =>
    multiplyTiles(k, results[row][column], leftTiles[row], rightTiles[column]);
  const load = (tile: number, address: IndexVariable, half: 0 | 1) =>
    loadTile(k, tile, { address, rowBytes, offset: half * tileBytes });
  multiply(0, 0);
  multiply(0, 1);
  load(leftTiles[0], a, 0);
  multiply(1, 0);
  load(rightTiles[0], b, 0);
  multiply(1, 1);
  load(leftTiles[1], a, 1);
  load(rightTiles[1], b, 1);
  a.advance(tilePlaceBytes);
  b.advance(tilePlaceBytes);
}

function loadFirstPlace(k: KernelBuilder, { a, b, rowBytes }: Operands): void {
  for (const half of [0, 1] as const) {
    const offset = half * tileBytes;
    loadTile(k, leftTiles[half], { address: a, rowBytes, offset });
    loadTile(k, rightTiles[half], { address: b, rowBytes, offset });
  }
  a.advance(tilePlaceBytes);
  b.advance(tilePlaceBytes);
}

/** A result in the scratch, and where its rows go: what has not been moved there yet. */
class PendingBlock {
  readonly rows: IndexVariable;
  readonly #k: KernelBuilder;
  readonly #sums: IndexVariable;
  readonly #from: IndexVariable;
  readonly #target: IndexVariable;
  readonly #lanes: Vector;
  readonly #columns: readonly VectorVariable[];

  constructor(
    k: KernelBuilder,
    readonly options: {
      readonly edge: IndexVariable;
      readonly rowBytes: IndexVariable;
      readonly startRowBytes: IndexVariable;
      readonly activation: IndexVariable;
      readonly format: IndexVariable;
      readonly isLarge: IndexVariable;
      /** From a result to its activation, in bytes. */
      readonly activated: IndexVariable;
    },
  ) {
    this.#k = k;
    this.rows = k.letIndex(0);
    [this.#sums, this.#from, this.#target] = [0, 0, 0].map((start) => k.letIndex(start));
    this.#lanes = k.let(laneNumbers());
    this.#columns = Array.from({ length: blockColumns / k.lanes }, () => k.let(0));
  }

  /** The result that is in the scratch now: of so many rows and columns, or more than a block has. */
  set(
    { rows, columns, from, target }: Record<"rows" | "columns" | "from" | "target", IndexVariable>,
  ): void {
    const k = this.#k;
    this.rows.set(rows);
    k.if(greater(rows, blockRows), () => this.rows.set(blockRows));
    this.#sums.set(this.options.edge);
    this.#from.set(from);
    this.#target.set(target);
    this.#columns.forEach((part, index) => part.set(fromIndex(columns.minus(index * k.lanes))));
  }

  /** Moves some rows, if so many are left. */
  moveSome(): void {
    this.#k.if(notLess(this.rows, rowsBetween), () => this.#move(rowsBetween));
  }

  moveAll(): void {
    const k = this.#k;
    const several = notLess(this.rows, rowsBetween);
    k.if(several, () => k.doWhile(() => this.#move(rowsBetween), several));
    const any = greater(this.rows, 0);
    k.if(any, () => k.doWhile(() => this.#move(1), any));
  }

  #move(count: number): void {
    const k = this.#k;
    const { activation, format } = this.options;
    const row = (finish: (values: readonly VectorVariable[]) => void) => {
      const bytes = k.vectorBytes;
      finish(
        this.#columns.map((_, part) =>
          k.let(k.load(this.#sums, part * bytes).plus(k.load(this.#from, part * bytes)))
        ),
      );
      this.#sums.advance(scratchRowBytes);
      this.#from.advance(this.options.startRowBytes);
      this.#target.advance(this.options.rowBytes);
    };
    k.if(equal(activation.plus(format), 0), () => {
      const copies = (store: (values: readonly VectorVariable[]) => void) => {
        for (let copy = 0; copy < count; copy++) row(store);
      };
      k.if(
        equal(this.options.isLarge, 0),
        () => copies((values) => this.#store(this.#target, values)),
        () =>
          copies((values) =>
            values.forEach((value, part) =>
              k.storePastCaches(this.#target, value, part * k.vectorBytes)
            )
          ),
      );
    }, () => k.repeat(count, () => row((values) => this.#finish(values))));
    this.rows.set(this.rows.minus(count));
  }

  #store(target: IndexVariable, values: readonly VectorVariable[]): void {
    values.forEach((value, part) => {
      const isInside = this.#lanes.isLess(this.#columns[part]);
      this.#k.storeWhere(isInside, target, value, part * this.#k.vectorBytes);
    });
  }

  /** In any format, with any activation. */
  #finish(values: readonly VectorVariable[]): void {
    const k = this.#k;
    const { activation, activated, format } = this.options;
    const store = (target: IndexVariable, values: readonly VectorVariable[]) =>
      k.if(
        equal(format, tileFormat("float32")),
        () => this.#store(target, values),
        () => {
          const narrow = k.let(values[0].toBfloat16(values[1]));
          k.if(
            equal(this.options.isLarge, 0),
            () => k.store(target, narrow),
            () => k.storePastCaches(target, narrow),
          );
        },
      );
    k.if(less(format, tileFormat("bfloat16 of the activation alone")), () => {
      store(this.#target, values);
    });
    activationFormulas.forEach((formula, index) =>
      k.if(equal(activation, index + 1), () => {
        const results = values.map((value) => k.let(formula(k, value)));
        store(k.letIndex(this.#target.plus(activated)), results);
      })
    );
  }
}

/**
 * C = start + A·B, and f(C) if `activation` is not 0, at `activated`, which is laid out like `c`. The
 * parameters are those of `gemmBlock` with tiles as places; `edge` is the scratch, and `format` one
 * of {@link tileFormat}'s. In bfloat16 there are whole blocks of columns, and `rowBytes` are those of the shorter rows.
 *
 * Up to a place beyond A and B is read.
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
  const [start, startRowBytes, startPanelBytes, edge, activation, activated, format] = k.indices(
    "start",
    "startRowBytes",
    "startPanelBytes",
    "edge",
    "activation",
    "activated",
    "format",
  );
  const [isLarge] = k.indices("isLarge");
  activated.set(activated.minus(c));
  const columnBytes = k.letIndex(blockColumns * 4);
  k.if(greater(format, 0), () => columnBytes.set(blockColumns * 2));
  const pending = new PendingBlock(k, {
    edge,
    rowBytes,
    startRowBytes,
    activation,
    format,
    isLarge,
    activated,
  });
  const firstLeft = tileAddress(k, a);
  const rightPanel = tileAddress(k, b);
  const scratch = tileAddress(k, edge);
  const scratchStride = k.letIndex(scratchRowBytes);
  const operands = {
    a: k.letIndex(firstLeft),
    b: k.letIndex(rightPanel),
    rowBytes: k.letIndex(tileRegister.rowBytes),
  };
  startTiles(k);
  loadFirstPlace(k, operands);
  k.doWhile(() => {
    const target = k.letIndex(c);
    const from = k.letIndex(start);
    const rowsLeft = k.letIndex(rows);
    k.doWhile(() => {
      for (const tile of results.flat()) zeroTile(k, tile);
      const left = k.letIndex(places.minus(1));
      const more = greater(left, 0);
      k.if(more, () =>
        k.doWhile(() => {
          multiplyPlace(k, operands);
          pending.moveSome();
          left.set(left.minus(1));
        }, more));
      // The next block has the panel of A that follows and the same one of B, or the first and the next.
      k.if(greater(rowsLeft, blockRows), () => operands.b.set(rightPanel), () => {
        operands.a.set(firstLeft);
        rightPanel.set(operands.b);
      });
      multiplyPlace(k, operands);
      pending.moveAll();
      results.forEach((tiles, row) =>
        tiles.forEach((tile, column) => {
          const offset = row * lowerTile * scratchRowBytes + column * tileRegister.rowBytes;
          storeTile(k, tile, { address: scratch, rowBytes: scratchStride, offset });
        })
      );
      pending.set({ rows: rowsLeft, columns, from, target });
      from.advance(startRowBytes.times(blockRows));
      target.advance(rowBytes.times(blockRows));
      rowsLeft.set(rowsLeft.minus(blockRows));
    }, greater(rowsLeft, 0));
    c.advance(columnBytes);
    start.advance(startPanelBytes);
    columns.set(columns.minus(blockColumns));
  }, greater(columns, 0));
  pending.moveAll();
  endTiles(k);
}

export const descriptions: readonly KernelDescription[] = [
  { name: "tileBlock", build: buildTileBlock },
  ...packDescriptions,
];
