/**
 * The matrix product of packed panels: C = start + A·B for a block that fits the caches.
 *
 * A tile of C stays in registers while the kernel walks the depth. The tile's initial values are loaded from an
 * address with its own strides, so that one kernel can start from zero, from a bias shared by all rows, from
 * another matrix, or from C itself.
 *
 * Panels hold float32, or pairs of bfloat16 in place of one: two steps of the depth at once.
 *
 * @module
 */

import type { Index, Vector } from "../../code/expression.ts";
import {
  greater,
  type IndexVariable,
  type KernelBuilder,
  type KernelDescription,
  notLess,
  type VectorVariable,
} from "../../code/kernel_builder.ts";
import { pairTile, type TileShape, usualTiling } from "../tile.ts";

/** Copies of the depth loop's body in one iteration. */
const depthUnroll = 4;

/** A tile, and how a kernel for four lanes gets the values of A. */
type GemmShape = TileShape & { readonly loadsMore?: boolean };

type Multiply = (left: Vector, right: Vector, sum: Vector) => Vector;

/** Of five groups of four values of A in WebAssembly, those that are loaded one by one: see {@link Tile}. */
const groupsLoadedSingly: ReadonlySet<number> = new Set([1, 3]);

/**
 * The sums of a tile. With vectors of four lanes (WebAssembly), values of A are loaded four at a time
 * and spread from there: engines check the bounds of every load, and one load per value would be more
 * instructions than a processor can issue alongside two multiplications.
 *
 * Spreading costs a shuffle each, which Intel's processors do where they multiply and check bounds. With
 * `loadsMore`, two of five values are loaded instead, so that neither kind of work has to wait.
 */
class Tile {
  readonly rows: number;
  readonly #loadsMore: boolean;
  readonly #k: KernelBuilder;
  readonly #multiply: Multiply;
  readonly #sums: VectorVariable[][];
  readonly #left: VectorVariable;
  readonly #four: VectorVariable | null;
  readonly #right: VectorVariable[];

  constructor(
    k: KernelBuilder,
    { rows, columns, loadsMore = false }: GemmShape,
    multiply: Multiply,
  ) {
    this.#loadsMore = loadsMore;
    const vectors = columns / k.lanes;
    this.#k = k;
    this.#multiply = multiply;
    this.rows = rows;
    this.#sums = Array.from(
      { length: this.rows },
      () => Array.from({ length: vectors }, () => k.let(0)),
    );
    this.#left = k.let(0);
    this.#four = k.lanes === 4 ? k.let(0) : null;
    this.#right = Array.from({ length: vectors }, () => k.let(0));
  }

  load(from: Index, rowBytes: Index): void {
    this.#rows(from, rowBytes, (row, pointer) => {
      row.forEach((sum, part) => sum.set(this.#k.load(pointer, part * this.#k.vectorBytes)));
    });
  }

  store(to: Index, rowBytes: Index): void {
    this.#rows(to, rowBytes, (row, pointer) => {
      row.forEach((sum, part) => this.#k.store(pointer, sum, part * this.#k.vectorBytes));
    });
  }

  /** Adds the products of `depth` columns of a panel of A with as many rows of a panel of B. */
  multiply(depth: Index, a: IndexVariable, b: IndexVariable): void {
    const k = this.#k;
    const left = k.letIndex(depth);
    const walk = (copies: number) => {
      const enough = notLess(left, copies);
      k.if(enough, () =>
        k.doWhile(() => {
          for (let copy = 0; copy < copies; copy++) this.#step(a, b, copy);
          a.advance(copies * this.rows * 4);
          b.advance(copies * this.#right.length * k.vectorBytes);
          left.set(left.minus(copies));
        }, enough));
    };
    walk(depthUnroll);
    walk(1);
  }

  #step(a: Index, b: Index, copy: number): void {
    const k = this.#k;
    this.#right.forEach((right, part) =>
      right.set(k.load(b, (copy * this.#right.length + part) * k.vectorBytes))
    );
    this.#sums.forEach((row, index) => {
      this.#left.set(this.#spread(a, copy * this.rows + index));
      row.forEach((sum, part) => sum.set(this.#multiply(this.#left, this.#right[part], sum)));
    });
  }

  /** One value of a panel of A in all lanes; must be called in the order of the values. */
  #spread(a: Index, place: number): Vector {
    const four = this.#four;
    const group = Math.floor(place / 4) % 5;
    if (four === null || (this.#loadsMore && groupsLoadedSingly.has(group))) {
      return this.#k.loadSplat(a, place * 4);
    }
    const lane = place % 4;
    if (lane === 0) four.set(this.#k.load(a, place * 4));
    return four.shuffle(four, [lane, lane, 4 + lane, 4 + lane]);
  }

  #rows(
    start: Index,
    rowBytes: Index,
    visit: (row: readonly VectorVariable[], pointer: IndexVariable) => void,
  ): void {
    const pointer = this.#k.letIndex(start);
    this.#sums.forEach((row, index) => {
      if (index > 0) pointer.advance(rowBytes);
      visit(row, pointer);
    });
  }
}

/** Copies the part of a tile that lies within the matrix, element by element. */
function copyEdge(
  k: KernelBuilder,
  from: { pointer: Index; rowBytes: Index },
  to: { pointer: Index; rowBytes: Index },
  rows: Index,
  columns: Index,
  shape: TileShape,
): void {
  const atMost = (value: Index, limit: number) => {
    const result = k.letIndex(value);
    k.if(greater(result, limit), () => result.set(limit));
    return result;
  };
  const fromRow = k.letIndex(from.pointer);
  const toRow = k.letIndex(to.pointer);
  const width = atMost(columns, shape.columns);
  k.repeat(atMost(rows, shape.rows), () => {
    const source = k.letIndex(fromRow);
    const target = k.letIndex(toRow);
    k.forElements(width, [source, target], (lanes) => lanes.store(target, lanes.load(source)));
    fromRow.advance(from.rowBytes);
    toRow.advance(to.rowBytes);
  });
}

/**
 * One tile for each panel of B and each panel of A. `start*` say where a tile's initial values are: the
 * bytes between rows, and between panels of columns. `edge` is room for one tile.
 */
function buildGemmBlock(k: KernelBuilder, shape: GemmShape, multiply: Multiply): void {
  const [depth, a, b, c, rowBytes, rows, columns] = k.indices(
    "depth",
    "a",
    "b",
    "c",
    "rowBytes",
    "rows",
    "columns",
  );
  const [start, startRowBytes, startPanelBytes, edge] = k.indices(
    "start",
    "startRowBytes",
    "startPanelBytes",
    "edge",
  );
  const width = shape.columns;
  const tile = new Tile(k, shape, multiply);
  const edgeRowBytes = k.letIndex(width * 4);
  const panelBytes = k.letIndex(depth.times(width * 4));
  const columnsLeft = k.letIndex(columns);
  k.doWhile(() => {
    const aPanel = k.letIndex(a);
    const cTile = k.letIndex(c);
    const startTile = k.letIndex(start);
    const rowsLeft = k.letIndex(rows);
    k.doWhile(() => {
      const bPanel = k.letIndex(b);
      const isWhole = k.letIndex(0);
      k.if(
        notLess(rowsLeft, tile.rows),
        () => k.if(notLess(columnsLeft, width), () => isWhole.set(1)),
      );
      k.if(greater(isWhole, 0), () => {
        tile.load(startTile, startRowBytes);
        tile.multiply(depth, aPanel, bPanel);
        tile.store(cTile, rowBytes);
      }, () => {
        const inner = { pointer: edge, rowBytes: edgeRowBytes };
        const from = { pointer: startTile, rowBytes: startRowBytes };
        copyEdge(k, from, inner, rowsLeft, columnsLeft, shape);
        tile.load(edge, edgeRowBytes);
        tile.multiply(depth, aPanel, bPanel);
        tile.store(edge, edgeRowBytes);
        copyEdge(k, inner, { pointer: cTile, rowBytes }, rowsLeft, columnsLeft, shape);
      });
      cTile.advance(rowBytes.times(tile.rows));
      startTile.advance(startRowBytes.times(tile.rows));
      rowsLeft.set(rowsLeft.minus(tile.rows));
    }, greater(rowsLeft, 0));
    b.advance(panelBytes);
    c.advance(width * 4);
    start.advance(startPanelBytes);
    columnsLeft.set(columnsLeft.minus(width));
  }, greater(columnsLeft, 0));
}

const multiplyAdd: Multiply = (left, right, sum) => left.multiplyAdd(right, sum);

/** The product with tiles of this shape; by default the usual one for the lanes. See {@link Tile}. */
export function descriptionsFor(shape?: TileShape, loadsMore = false): KernelDescription[] {
  return [{
    name: "gemmBlock",
    build: (k) => {
      buildGemmBlock(k, { ...(shape ?? usualTiling(k.lanes)), loadsMore }, multiplyAdd);
    },
  }];
}

export const descriptions: readonly KernelDescription[] = descriptionsFor();

/** For processors with AVX512-BF16: its depth counts pairs. */
export const pairDescriptions: readonly KernelDescription[] = [{
  name: "gemmBlockOfPairs",
  build: (k) => buildGemmBlock(k, pairTile, (left, right, sum) => left.dotPairs(right, sum)),
}];
