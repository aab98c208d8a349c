/**
 * Packing: operands of a matrix product laid out in panels, in the order in which the tile reads
 * them. A panel holds as many rows of A (or columns of B) as the tile has, for each step along the
 * depth. What it holds for a step is called a place.
 *
 * For products of bfloat16 two steps of the depth share a place, both rounded, the first one in the
 * lower half. An odd last step is paired with zeros. Sources that are bfloat16 already, in rows of whole
 * vectors, give the same panels as their values in float32.
 *
 * Beyond the last row or column, panels hold values that never reach the result: missing rows repeat
 * the last one, and for missing columns reading just continues. Whole vectors are written even where a
 * place is narrower, since what follows is written later; so up to a vector after the last panel may be
 * overwritten.
 *
 * @module
 */

import { firstLanes, type Index, toVector, type Vector } from "../../code/expression.ts";
import {
  greater,
  type IndexVariable,
  type KernelBuilder,
  type KernelDescription,
  notLess,
} from "../../code/kernel_builder.ts";
import { pairTile, type TileShape, usualTiling } from "../tile.ts";

/** Rows that are turned into columns together. */
const group = 4;

/**
 * In each group of four lanes, rows become columns: of group g, the j-th result holds the lane 4·g + j
 * of each input.
 */
function transpose(k: KernelBuilder, rows: readonly Vector[]): Vector[] {
  const [a, b, c, d] = rows.map((row) => k.let(row));
  const low = [k.let(a.shuffle(b, [0, 4, 1, 5])), k.let(c.shuffle(d, [0, 4, 1, 5]))];
  const high = [k.let(a.shuffle(b, [2, 6, 3, 7])), k.let(c.shuffle(d, [2, 6, 3, 7]))];
  return [low, high].flatMap(([left, right]) => [
    k.let(left.shuffle(right, [0, 1, 4, 5])),
    k.let(left.shuffle(right, [2, 3, 6, 7])),
  ]);
}

/** Four vectors as columns: their first lanes at `offset` from `target`, the next ones `placeBytes` later. */
export function storeColumns(
  k: KernelBuilder,
  rows: readonly Vector[],
  target: IndexVariable,
  placeBytes: number,
  offset = 0,
): void {
  transpose(k, rows).forEach((column, step) => {
    for (let part = 0; part < k.lanes / group; part++) {
      k.storeGroup(target, column, part, offset + (group * part + step) * placeBytes);
    }
  });
}

/** Two steps of the depth in one place. */
export function pair(first: Vector, second: Vector): Vector {
  return first.toBfloat16(second).interleaveHalves();
}

/** From what to what: float32, float32 that is rounded to pairs of bfloat16, or bfloat16 to such pairs. */
type Format = "float32" | "toPairs" | "bfloat16";

/** How the steps of the depth are laid out. */
interface Layout {
  /** Steps, or where the source is bfloat16, pairs of them: these are neighbours as in a place. */
  readonly depth: Index;
  /** Rows or columns of a panel. */
  readonly width: number;
  readonly format: Format;
}

/** `value` times `scale`, except for pairs, which pass through as they are. */
function scaled(value: Vector, scale: Vector, format: Format): Vector {
  return format === "bfloat16" ? value : value.times(scale);
}

/** One vector of each of four rows into the places that follow `target`. */
function packVectors(
  k: KernelBuilder,
  sources: readonly IndexVariable[],
  target: IndexVariable,
  scale: Vector,
  { width, format }: Layout,
): void {
  const rows = sources.map((source) => {
    const first = scaled(k.load(source), scale, format);
    // Steps that share a place are neighbours already.
    return format === "toPairs"
      ? first.toBfloat16(k.load(source, k.vectorBytes).times(scale))
      : first;
  });
  storeColumns(k, rows, target, width * 4);
}

/** Up to four rows of the source into `used` columns of the panel at `target`. */
function packGroup(
  k: KernelBuilder,
  sources: readonly IndexVariable[],
  target: IndexVariable,
  scale: Vector,
  options: Layout & { used: number },
): void {
  const { depth, width, used, format } = options;
  const isPaired = format === "toPairs";
  const left = k.letIndex(depth);
  const loop = (steps: number, places: number, body: () => void) => {
    const more = notLess(left, steps);
    k.if(more, () =>
      k.doWhile(() => {
        body();
        for (const source of sources) source.advance(steps * 4);
        target.advance(places * width * 4);
        left.set(left.minus(steps));
      }, more));
  };
  const steps = isPaired ? 2 * k.lanes : k.lanes;
  loop(steps, k.lanes, () => packVectors(k, sources, target, scale, options));
  const single = (second: (source: Index) => Vector) => () => {
    for (let row = 0; row < used; row++) {
      const first = scaled(k.loadSplat(sources[row]), scale, format);
      k.storeFirst(target, isPaired ? pair(first, second(sources[row])) : first, row * 4);
    }
  };
  if (isPaired) loop(2, 1, single((source) => k.loadSplat(source, 4).times(scale)));
  loop(1, 1, single(() => toVector(0)));
}

type Side = "left" | "right";

/** The width of a panel. */
function panelWidth({ rows, columns }: TileShape, side: Side): number {
  return side === "left" ? rows : columns;
}

/** What all packing kernels are given. */
export function packParameters(k: KernelBuilder) {
  const [source, rowBytes, count, depth, target] = k.indices(
    "source",
    "rowBytes",
    "count",
    "depth",
    "target",
  );
  const [scale] = k.scalars("scale");
  return { source, rowBytes, count, depth, target, scale };
}

/** Pointers to four rows from `start` on; after the last row, it is repeated. */
function rowPointers(
  k: KernelBuilder,
  start: Index,
  first: number,
  { rowBytes, count }: { rowBytes: Index; count: Index },
): { pointers: IndexVariable[]; next: IndexVariable } {
  const next = k.letIndex(start);
  const pointers = Array.from({ length: group }, (_, index) => {
    const pointer = k.letIndex(next);
    k.if(greater(count, first + index + 1), () => next.advance(rowBytes));
    return pointer;
  });
  return { pointers, next };
}

/** The depth lies along the rows of the source: [count, depth], `rowBytes` apart. */
function buildPackRows(k: KernelBuilder, width: number, format: Format): void {
  const { source, rowBytes, count, depth, target, scale } = packParameters(k);
  const groups = Math.ceil(width / group);
  const starts = Array.from({ length: groups }, () => k.letIndex(0));
  const end = k.letIndex(0);
  k.doWhile(() => {
    starts[0].set(source);
    for (let index = 1; index < groups; index++) {
      const before = (index - 1) * group;
      starts[index].set(rowPointers(k, starts[index - 1], before, { rowBytes, count }).next);
    }
    // From the last group to the first: what one writes beyond its place, the next ones overwrite.
    for (let index = groups - 1; index >= 0; index--) {
      const first = index * group;
      const used = Math.min(group, width - first);
      const { pointers } = rowPointers(k, starts[index], first, { rowBytes, count });
      end.set(target.plus(first * 4));
      packGroup(k, pointers, end, scale, { depth, width, used, format });
    }
    target.set(end);
    source.advance(rowBytes.times(width));
    count.set(count.minus(width));
  }, greater(count, 0));
}

/** Panels that are packed side by side, so that a row's cache lines are used up while they are there. */
const panelsTogether = 4;

/** The depth lies down the columns of the source: [depth, count], `rowBytes` apart. */
function buildPackColumns(k: KernelBuilder, width: number, format: Format): void {
  const { source, rowBytes, count, depth, target, scale } = packParameters(k);
  const [places] = k.indices("places");
  const isPaired = format !== "float32";
  const elementBytes = format === "bfloat16" ? 2 : 4;
  const panelBytes = k.letIndex(places.times(width * 4));
  const row = k.letIndex(0);
  const next = k.letIndex(0);
  const left = k.letIndex(0);
  const to = k.letIndex(0);
  const panel = k.letIndex(0);
  /** What a vector of a place holds, from this column on. */
  const placeAt = (column: number, steps: 1 | 2) => {
    const offset = column * elementBytes;
    if (format === "bfloat16") {
      // Half a vector of each row: the second one is loaded to where the first ends.
      const second = steps === 2 ? k.load(next, offset - k.vectorBytes / 2) : toVector(0);
      return firstLanes(k.lanes / 2).select(k.load(row, offset), second).interleaveHalves();
    }
    const value = k.load(row, offset).times(scale);
    if (!isPaired) return value;
    return pair(value, steps === 2 ? k.load(next, offset).times(scale) : toVector(0));
  };
  const whole = (at: Index, column: number, steps: 1 | 2) => {
    for (let first = 0; first < width; first += k.lanes) {
      k.store(at, placeAt(column + first, steps), first * 4);
    }
  };
  /** Not a lane more than the place has: behind the last one of a panel, the next panel is there already. */
  const exactly = (at: Index, column: number, steps: 1 | 2) => {
    for (let lane = 0; lane < width; lane += group) {
      const first = Math.min(lane, width - group);
      k.storeGroup(at, placeAt(column + first, steps), 0, first * 4);
    }
  };
  const place = (panels: number, steps: 1 | 2, write: typeof whole) => {
    if (steps === 2) next.set(row.plus(rowBytes));
    panel.set(to);
    for (let index = 0; index < panels; index++) {
      if (index > 0) panel.advance(panelBytes);
      write(panel, index * width, steps);
    }
    row.advance(rowBytes.times(steps));
    to.advance(width * 4);
    left.set(left.minus(steps));
  };
  const columns = (panels: number) => {
    const more = greater(count, (panels - 1) * width);
    k.if(more, () =>
      k.doWhile(() => {
        row.set(source);
        left.set(depth);
        to.set(target);
        const steps = isPaired ? 2 : 1;
        const several = greater(left, steps);
        k.if(several, () => k.doWhile(() => place(panels, steps, whole), several));
        if (isPaired) k.if(greater(left, 1), () => place(panels, 2, exactly));
        k.if(greater(left, 0), () => place(panels, 1, exactly));
        source.advance(panels * width * elementBytes);
        target.advance(panelBytes.times(panels));
        count.set(count.minus(panels * width));
      }, more));
  };
  columns(panelsTogether);
  columns(1);
}

function descriptionsOf(format: Format, shape?: TileShape): KernelDescription[] {
  const suffix = { float32: "", toPairs: "InPairs", bfloat16: "OfBfloat16" }[format];
  return (["left", "right"] as const).flatMap((side) => {
    const name = side === "left" ? "Left" : "Right";
    const width = ({ lanes }: KernelBuilder) => panelWidth(shape ?? usualTiling(lanes), side);
    return [
      { name: `pack${name}Rows${suffix}`, build: (k) => buildPackRows(k, width(k), format) },
      {
        name: `pack${name}Columns${suffix}`,
        build: (k) => buildPackColumns(k, width(k), format),
      },
    ] satisfies KernelDescription[];
  });
}

/** For tiles of this shape; by default the usual one for the lanes. */
export function descriptionsFor(shape?: TileShape): KernelDescription[] {
  return descriptionsOf("float32", shape);
}

export const descriptions: readonly KernelDescription[] = descriptionsFor();

/** For `gemmBlockOfPairs`, of both formats. */
export const pairDescriptions: readonly KernelDescription[] = [
  ...descriptionsOf("toPairs", pairTile),
  ...descriptionsOf("bfloat16", pairTile),
];
