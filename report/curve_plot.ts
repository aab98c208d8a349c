/**
 * Curves over steps as SVG that follows the page's colours, light and dark.
 *
 * Scales, ticks and paths are d3's (d3-scale and d3-shape: 9 small packages, loaded in tens of milliseconds).
 * We tried Observable Plot: it also needs a DOM (linkedom), has 45 packages, takes several times as long to
 * start, and needs 40 ms per plot in the process that trains, where this takes one or two.
 *
 * @module
 */

import { area, line, scaleLinear, scaleLog } from "../deps/d3.ts";
import { formatFigure } from "../core/number_formats.ts";
import type { HistoryPoint } from "./history.ts";
import { escapeHtml } from "./html.ts";

/** A curve in a plot. */
export interface PlotCurve {
  readonly name: string;
  readonly points: readonly HistoryPoint[];
  /** Draw a dot at each point: for evaluations, of which there are few. */
  readonly hasDots?: boolean;
  /** Draw the only point as a level across the plot, for the other curves to be compared with. */
  readonly isLevel?: boolean;
  /**
   * Draw every value without smoothing, however many there are: for curves without noise, such as a
   * schedule.
   */
  readonly isExact?: boolean;
  /** What the legend says; default: the curve's last value. */
  readonly last?: number;
}

/** A plot over steps. */
export interface CurvePlot {
  readonly title: string;
  readonly curves: readonly PlotCurve[];
  /** `log` is used only if all values are above zero. */
  readonly scale?: "linear" | "log";
  /** Fixed ends of the y axis. */
  readonly range?: readonly [number, number];
  /** Fill from each curve to the next: for shares that add up. */
  readonly isStacked?: boolean;
  readonly format?: (value: number) => string;
  /** Steps to mark at the top, with the meaning of the marks. */
  readonly marks?: { readonly steps: readonly number[]; readonly label: string };
}

const [width, height] = [320, 190];
const inner = { left: 50, right: width - 8, top: 12, bottom: height - 24 } as const;

/** Number of points from which a curve is smoothed. */
export const smoothedPoints = 50;

/** A moving mean over a fiftieth of the curve: what the eye would draw through the noise. */
function smoothed(points: readonly HistoryPoint[]): HistoryPoint[] {
  const keep = Math.exp(-1 / Math.max(1, points.length / 50));
  let [sum, weight] = [0, 0];
  return points.map((point) => {
    sum = keep * sum + (1 - keep) * point.mean;
    weight = keep * weight + (1 - keep);
    return { ...point, mean: sum / weight };
  });
}

/** Whether a curve is drawn smoothed, over the band of its values. */
function isNoisy({ points, hasDots, isExact }: PlotCurve): boolean {
  return !hasDots && !isExact && points.length > smoothedPoints;
}

/** The points of a curve as drawn. */
function drawnPoints(curve: PlotCurve): readonly HistoryPoint[] {
  return isNoisy(curve) ? smoothed(curve.points) : curve.points;
}

/** The range of the y axis. */
function rangeOf({ curves, range, isStacked }: CurvePlot): [number, number] {
  if (range !== undefined) return [...range];
  if (isStacked) return [0, 1];
  const points = curves.flatMap((curve) => curve.points);
  const lows = points.map(({ low }) => low).sort((a, b) => a - b);
  const highs = points.map(({ high }) => high).sort((a, b) => a - b);
  const [low, high] = [lows[0], highs[highs.length - 1]];
  if (low < high) return [low, high];
  // A level line: starting at zero if possible.
  return low >= 0 ? [0, 2 * low || 1] : [2 * low, 0];
}

/** One curve stacked on the previous ones, each as an area. */
function stackedPaths(curves: readonly PlotCurve[], x: Place, y: Place): string[] {
  const below = new Map<number, number>();
  return curves.map(({ points }, index) => {
    const shape = area<HistoryPoint>()
      .x(({ step }) => x(step))
      .y0(({ step }) => y(below.get(step) ?? 0))
      .y1(({ step, mean }) => y((below.get(step) ?? 0) + mean))
      .digits(1);
    const path = shape([...points]) ?? "";
    for (const { step, mean } of points) below.set(step, (below.get(step) ?? 0) + mean);
    return `<path class="s${index}" fill="currentColor" opacity=".75" d="${path}"/>`;
  });
}

type Place = (value: number) => number;

/** The band of all values, faint, and the smoothed mean over it. */
function curvePaths(curves: readonly PlotCurve[], x: Place, y: Place): string[] {
  return curves.flatMap((curve, index) => {
    const { points, hasDots, isLevel } = curve;
    if (isLevel) {
      return `<path class="s${index}" stroke="currentColor" stroke-width="1.4" stroke-dasharray="5 4" ` +
        `d="M${inner.left} ${y(points[0].mean).toFixed(1)}H${inner.right}"/>`;
    }
    const spread = area<HistoryPoint>()
      .x(({ step }) => x(step))
      .y0(({ low }) => y(low))
      .y1(({ high }) => y(high))
      .digits(1);
    const mean = line<HistoryPoint>(({ step }) => x(step), ({ mean }) => y(mean)).digits(1);
    const dots = hasDots
      ? points.map(({ step, mean }) =>
        `<circle cx="${x(step).toFixed(1)}" cy="${y(mean).toFixed(1)}" r="3"/>`
      )
      : [];
    return [
      `<g class="s${index}" fill="currentColor" stroke="currentColor">`,
      isNoisy(curve) ? `<path d="${spread([...points])}" opacity=".3" stroke-width=".7"/>` : "",
      `<path d="${mean([...drawnPoints(curve)])}" fill="none" stroke-width="1.6"/>`,
      ...dots,
      "</g>",
    ];
  });
}

/** Half the width of an x-axis label. */
const labelRoom = 14;

/**
 * Ticks of the x axis, without any whose label would touch the last one's, which is moved into the picture.
 */
function apart(ticks: readonly number[], x: Place): readonly number[] {
  if (ticks.length < 2) return ticks;
  const [before, last] = ticks.slice(-2);
  const end = Math.min(x(last), inner.right - labelRoom);
  return end - x(before) < 2.3 * labelRoom ? [...ticks.slice(0, -2), last] : ticks;
}

/** Ticks of a logarithmic axis: powers of ten, and more if there would be hardly any. */
function logTicks(scale: { ticks(count: number): number[] }): number[] {
  const all = scale.ticks(5);
  const powers = all.filter((tick) => Number.isInteger(+Math.log10(tick).toFixed(9)));
  if (powers.length >= 2) return powers.filter((_, i) => i % Math.ceil(powers.length / 6) === 0);
  return all.filter((_, i) => i % Math.ceil(all.length / 5) === 0);
}

/**
 * A plot as an SVG element in a figure, with each curve's last value in its legend. Colours come from the
 * page's classes `s0`, `s1`, … (see `curvePlotStyle`).
 *
 * @returns an empty string if no curve has a point
 *
 * @example
 * ```ts
 * import { curvePlot } from "./curve_plot.ts";
 * const points = [1, 2, 3].map((step) => ({ step, low: 1, high: 3, mean: 2 }));
 * const svg = curvePlot({ title: "loss", curves: [{ name: "a < b", points }] });
 * if (!svg.includes("<svg") || !svg.includes("a &lt; b")) throw new Error(svg);
 * ```
 */
export function curvePlot(plot: CurvePlot): string {
  const curves = plot.curves.filter(({ points }) => points.length > 0);
  if (curves.length === 0) return "";
  const format = plot.format ?? formatFigure;
  const steps = curves.flatMap(({ points }) => [points[0].step, points[points.length - 1].step]);
  const [first, last] = [Math.min(...steps), Math.max(...steps)];
  const x = scaleLinear([first === last ? first - 1 : first, last], [inner.left, inner.right]);
  const [low, high] = rangeOf({ ...plot, curves });
  const isLog = plot.scale === "log" && low > 0;
  const scale = isLog
    ? scaleLog([low, high], [inner.bottom, inner.top])
    : scaleLinear([low, high], [inner.bottom, inner.top]);
  if (plot.range === undefined && !plot.isStacked && !isLog) scale.nice(4);
  const y: Place = (value) => scale(value);
  const ticksY = isLog ? logTicks(scale) : scale.ticks(4);
  const title = escapeHtml(plot.title);
  const axes = [
    ...ticksY.map((tick) =>
      `<path class="grid" d="M${inner.left} ${y(tick).toFixed(1)}H${inner.right}"/>` +
      `<text x="${inner.left - 6}" y="${(y(tick) + 3.5).toFixed(1)}" text-anchor="end">${
        escapeHtml(format(tick).replace(".0 %", " %"))
      }</text>`
    ),
    ...apart(x.ticks(4).filter(Number.isInteger), x).map((tick) =>
      `<text x="${x(tick).toFixed(1)}" y="${inner.bottom + 16}" text-anchor="${
        // Half of it would stick out of the picture.
        x(tick) > inner.right - labelRoom ? "end" : "middle"}">${formatFigure(tick)}</text>`
    ),
    `<path class="axis" d="M${inner.left} ${inner.bottom}H${inner.right}"/>`,
  ];
  const marks = (plot.marks?.steps ?? []).map((step) =>
    `<path d="M${x(step).toFixed(1)} ${inner.top - 10}v8"/>`
  );
  const paths = plot.isStacked ? stackedPaths(curves, x, y) : curvePaths(curves, x, y);
  return [
    `<figure class="plot"><figcaption><strong>${title}</strong>`,
    ...curves.map((curve, index) =>
      `<span><i class="s${index}"></i>${escapeHtml(curve.name)} <b>${
        escapeHtml(format(curve.last ?? drawnPoints(curve).at(-1)!.mean))
      }</b></span>`
    ),
    marks.length === 0 ? "" : `<span><i class="mark"></i>${escapeHtml(plot.marks!.label)}</span>`,
    `</figcaption><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}">`,
    ...axes,
    ...paths,
    marks.length === 0 ? "" : `<g class="mark" stroke-width="1.5">${marks.join("")}</g>`,
    "</svg></figure>",
  ].join("");
}

/**
 * The style for plots: Okabe and Ito's colours, which are distinguishable with colour blindness, a little
 * lighter on a dark page.
 */
export const curvePlotStyle = `
:root{--s0:#0067a8;--s1:#c75000;--s2:#00835e;--s3:#a8508a;--s4:#9a7400;--s5:#3a8fc0;--s6:#777;--mark:#c22}
@media(prefers-color-scheme:dark){:root{--s0:#5db4f0;--s1:#ff9a55;--s2:#3fd0a5;--s3:#e59acb;
--s4:#e6c34a;--s5:#9ad5f5;--s6:#aaa;--mark:#ff7a7a}}
${[0, 1, 2, 3, 4, 5, 6].map((index) => `.s${index}{color:var(--s${index})}`).join("")}
.plots{display:grid;gap:.8rem;grid-template-columns:repeat(auto-fill,minmax(min(100%,18rem),1fr))}
.plot{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.8rem .8rem .4rem;min-width:0;
display:flex;flex-direction:column}
.plot figcaption{display:flex;flex-wrap:wrap;gap:.05rem .9rem;align-items:baseline;margin:0 .2rem .5rem;
font-variant-numeric:tabular-nums}
.plot figcaption strong{color:var(--text);flex-basis:100%;font-weight:600;font-size:.95rem}
.plot figcaption span{display:inline-block}
.plot figcaption b{color:var(--text);font-weight:600}
.plot i{display:inline-block;width:.65em;height:.65em;border-radius:50%;background:currentColor;margin-right:.4em}
.plot svg{margin-top:auto}
.plot svg{width:100%;font:11px system-ui,sans-serif;fill:var(--faint)}
.plot .grid{stroke:var(--line)}
.plot .axis{stroke:var(--faint)}
.plot .mark{color:var(--mark);stroke:currentColor}
`;
