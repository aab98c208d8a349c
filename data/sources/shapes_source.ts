/**
 * Generated images of coloured shapes with label maps: segmentation without a download.
 *
 * @module
 */
import { Generator } from "../../core/generator.ts";
import type { Source } from "./source.ts";

/** What the pixels of {@link shapesSource} are, by label. */
export const shapeNames = ["background", "disc", "square", "triangle"] as const;

/** Side of an image in pixels. */
const side = 48;
const mostShapes = 3;

interface Shape {
  readonly label: number;
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly color: readonly number[];
}

/** Colours around which those of a class are drawn; the colours of different classes overlap a little. */
const colors = [[0, 0, 0], [200, 70, 60], [70, 180, 80], [70, 90, 200]];

function drawShape(generator: Generator): Shape {
  const label = generator.integer(1, 3);
  const radius = generator.uniform(6, 12);
  return {
    label,
    radius,
    x: generator.uniform(radius, side - radius),
    y: generator.uniform(radius, side - radius),
    color: colors[label].map((level) => level + generator.uniform(-50, 50)),
  };
}

function isInside({ label, x, y, radius }: Shape, column: number, row: number): boolean {
  const [dx, dy] = [column - x, row - y];
  if (label === 1) return dx * dx + dy * dy <= radius * radius;
  if (label === 2) return Math.max(Math.abs(dx), Math.abs(dy)) <= 0.85 * radius;
  return dy <= 0.8 * radius && Math.abs(dx) <= 0.6 * (dy + radius);
}

/** Pixels and labels of one image. */
function draw(generator: Generator): { pixels: Uint8ClampedArray; labels: Uint8Array } {
  const background = [0, 1, 2].map(() => generator.uniform(60, 200));
  const shapes = Array.from(
    { length: generator.integer(1, mostShapes) },
    () => drawShape(generator),
  );
  const pixels = new Uint8ClampedArray(side * side * 3);
  const labels = new Uint8Array(side * side);
  for (let pixel = 0; pixel < labels.length; pixel++) {
    const [column, row] = [pixel % side, Math.floor(pixel / side)];
    const shape = shapes.findLast((shape) => isInside(shape, column, row));
    labels[pixel] = shape?.label ?? 0;
    const color = shape?.color ?? background;
    for (let c = 0; c < 3; c++) pixels[pixel * 3 + c] = color[c] + generator.normal(0, 12);
  }
  return { pixels, labels };
}

function netpbm(kind: "P5" | "P6", data: ArrayLike<number>): Uint8Array {
  const head = new TextEncoder().encode(`${kind} ${side} ${side} 255\n`);
  const file = new Uint8Array(head.length + data.length);
  file.set(head);
  file.set(data, head.length);
  return file;
}

/**
 * Images of 48 px with up to three discs, squares and triangles on a plain background, and their label maps;
 * the same seed and index give the same image.
 *
 * @example
 * ```ts
 * import { shapesSource } from "./shapes_source.ts";
 * const source = shapesSource(10, 1);
 * const [picture, labels] = [await source.read(3), await source.annotations!.read(3)];
 * if (picture.length - labels.length !== 2 * 48 * 48) throw new Error();
 * ```
 */
export function shapesSource(length: number, seed: number): Source {
  const drawn = (index: number) => draw(Generator.from(seed).split("shapes", index));
  const source = (name: string, read: (index: number) => Uint8Array): Source => ({
    length,
    classes: [],
    entry: (index) => ({ id: `${name} ${index}`, label: -1 }),
    read: (index) => Promise.resolve(read(index)),
  });
  return {
    ...source("shapes", (index) => netpbm("P6", drawn(index).pixels)),
    annotations: source("labels of the shapes", (index) => netpbm("P5", drawn(index).labels)),
  };
}
