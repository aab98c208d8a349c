/**
 * Line plots as SVG: a few series with their spread, on a page that may be light or dark.
 *
 * @module
 */

import { escapeHtml } from "./html.ts";

/** A mean with its spread. */
export interface PlotPoint {
  readonly x: number;
  readonly y: number;
  readonly low: number;
  readonly high: number;
}

/** A line in a plot. */
export interface PlotSeries {
  readonly name: string;
  readonly points: readonly PlotPoint[];
}

/** A plot; x is on a logarithmic scale. */
export interface LinePlot {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** How an x value is written on the axis. */
  readonly formatX: (x: number) => string;
  readonly series: readonly PlotSeries[];
}

const width = 640;
const height = 400;
const margin = { left: 56, right: 16, top: 36, bottom: 48 } as const;
/** Okabe and Ito's colours, which are distinguishable with colour blindness. */
const colors = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
const dashes = ["", "7 4", "2 3", "9 3 2 3", "12 4", "4 2"];

/** A step of 1, 2 or 5 × a power of ten that divides a range into at most `most` parts. */
function niceStep(range: number, most: number): number {
  const rough = range / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough)!;
}

/** From values to positions in the picture. */
interface Scales {
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
  readonly ticksX: readonly number[];
  readonly ticksY: readonly number[];
}

function scalesOf(series: readonly PlotSeries[]): Scales {
  const points = series.flatMap((line) => line.points);
  const xs = [...new Set(points.map(({ x }) => x))].sort((a, b) => a - b);
  const [lowX, highX] = [Math.log(xs[0]), Math.log(xs[xs.length - 1])];
  const low = Math.min(...points.map((point) => point.low));
  const high = Math.max(...points.map((point) => point.high));
  const step = niceStep(Math.max(high - low, 1e-3), 6);
  const [bottom, top] = [Math.floor(low / step) * step, Math.ceil(high / step) * step];
  const inner = { width: width - margin.left - margin.right - 40, left: margin.left + 20 };
  const x = (value: number) =>
    highX === lowX
      ? inner.left + inner.width / 2
      : inner.left + inner.width * (Math.log(value) - lowX) / (highX - lowX);
  const span = Math.max(top - bottom, step);
  const y = (value: number) =>
    height - margin.bottom - (height - margin.top - margin.bottom) * (value - bottom) / span;
  const count = Math.round(span / step);
  const ticksY = Array.from({ length: count + 1 }, (_, index) => bottom + index * step);
  // Labels that would touch the previous one are left out.
  const ticksX = xs.filter((value, index) => index === 0 || x(value) - x(xs[index - 1]) > 36);
  return { x, y, ticksX, ticksY };
}

const round = (value: number) => value.toFixed(1);

function axes({ xLabel, yLabel, formatX }: LinePlot, { x, y, ticksX, ticksY }: Scales): string[] {
  const right = width - margin.right;
  const base = height - margin.bottom;
  return [
    ...ticksY.flatMap((value) => [
      `<path d="M${margin.left} ${round(y(value))}H${right}" stroke="#ddd"/>`,
      `<text x="${margin.left - 8}" y="${round(y(value) + 4)}" text-anchor="end">${+value.toFixed(
        4,
      )}</text>`,
    ]),
    ...ticksX.map((value) =>
      `<text x="${round(x(value))}" y="${base + 18}" text-anchor="middle">${
        escapeHtml(formatX(value))
      }</text>`
    ),
    `<path d="M${margin.left} ${base}H${right}" stroke="#555"/>`,
    `<text x="${(margin.left + right) / 2}" y="${height - 8}" text-anchor="middle">${
      escapeHtml(xLabel)
    }</text>`,
    `<text transform="translate(14 ${(margin.top + base) / 2}) rotate(-90)" text-anchor="middle">${
      escapeHtml(yLabel)
    }</text>`,
  ];
}

function line({ points }: PlotSeries, index: number, { x, y }: Scales): string[] {
  const color = colors[index % colors.length];
  const places = points.map((point) => `${round(x(point.x))} ${round(y(point.y))}`);
  return [
    ...points.filter(({ low, high }) => high > low).map((point) =>
      `<path d="M${round(x(point.x))} ${round(y(point.low))}V${
        round(y(point.high))
      }" stroke="${color}" stroke-width="1.5"/>`
    ),
    `<path d="M${places.join("L")}" fill="none" stroke="${color}" stroke-width="2" ` +
    `stroke-dasharray="${dashes[index % dashes.length]}"/>`,
    ...points.map((point) =>
      `<circle cx="${round(x(point.x))}" cy="${round(y(point.y))}" r="3.5" fill="${color}"/>`
    ),
  ];
}

/** The legend goes where the rising lines leave room: at the lower right. */
function legend(series: readonly PlotSeries[]): string[] {
  const longest = Math.max(...series.map(({ name }) => name.length));
  const left = width - margin.right - 54 - longest * 6.4;
  const top = height - margin.bottom - 12 - (series.length - 1) * 18;
  return series.flatMap(({ name }, index) => {
    const place = top + index * 18;
    return [
      `<path d="M${round(left)} ${place - 4}h32" stroke="${colors[index % colors.length]}" ` +
      `stroke-width="2" stroke-dasharray="${dashes[index % dashes.length]}"/>`,
      `<text x="${round(left + 40)}" y="${place}">${escapeHtml(name)}</text>`,
    ];
  });
}

/**
 * The plot as a complete SVG document, with each point's spread as a bar.
 *
 * @example
 * ```ts
 * import { linePlot } from "./line_plot.ts";
 * const svg = linePlot({
 *   title: "Accuracy", xLabel: "labels", yLabel: "%", formatX: (x) => `${x}`,
 *   series: [{ name: "a < b", points: [{ x: 1, y: 2, low: 1, high: 3 }] }],
 * });
 * if (!svg.startsWith("<svg") || !svg.includes("a &lt; b")) throw new Error(svg);
 * ```
 */
export function linePlot(plot: LinePlot): string {
  const series = plot.series.filter(({ points }) => points.length > 0);
  const scales = scalesOf(series);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" ` +
    `height="${height}" font-family="system-ui,sans-serif" font-size="12" role="img" ` +
    `aria-label="${escapeHtml(plot.title)}">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${margin.left}" y="22" font-size="14" font-weight="600">${
      escapeHtml(plot.title)
    }</text>`,
    ...axes(plot, scales),
    ...series.flatMap((one, index) => line(one, index, scales)),
    ...legend(series),
    "</svg>",
  ].join("\n") + "\n";
}
