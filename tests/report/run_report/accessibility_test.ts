/** What axe-core asks of a page, as far as markup and colours tell it without a browser. */

import assert from "node:assert/strict";
import { confusionHtml } from "../../../report/confusion_matrix.ts";
import { curvePlotStyle } from "../../../report/curve_plot.ts";
import { History } from "../../../report/history.ts";
import { pageColors } from "../../../report/html.ts";
import { runReportPage } from "../../../report/run_report.ts";

type Channels = readonly number[];

/** Linear channels of `#rgb` or `#rrggbb`. */
function linear(color: string): Channels {
  const digits = color.length === 4 ? color.replace(/[0-9a-f]/g, "$&$&") : color;
  return [1, 3, 5].map((at) => {
    const value = parseInt(digits.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
}

/** Björn Ottosson's matrices: https://bottosson.github.io/posts/oklab/ */
const toCone = [
  [0.4122214708, 0.5363325363, 0.0514459929],
  [0.2119034982, 0.6806995451, 0.1073969566],
  [0.0883024619, 0.2817188376, 0.6299787005],
];
const fromCone = [
  [4.0767416621, -3.3077115913, 0.2309699292],
  [-1.2684380046, 2.6097574011, -0.3413193965],
  [-0.0041960863, -0.7034186147, 1.707614701],
];
const times = (matrix: readonly Channels[], color: Channels) =>
  matrix.map((row) => row.reduce((sum, weight, i) => sum + weight * color[i], 0));

/** `color-mix(in oklab, a SHARE, b)`: the space is linear in the cube roots of the cones' answers. */
function mix(a: string, share: number, b: string): Channels {
  const [roots, others] = [a, b].map((color) => times(toCone, linear(color)).map(Math.cbrt));
  const mixed = roots.map((root, i) => (share * root + (1 - share) * others[i]) ** 3);
  return times(fromCone, mixed).map((value) => Math.min(1, Math.max(0, value)));
}

/** The ratio of WCAG 2. */
function contrast(a: Channels, b: Channels): number {
  const [high, low] = [a, b].map(([red, green, blue]) =>
    0.2126 * red + 0.7152 * green + 0.0722 * blue
  ).sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

/** The variables of a style by scheme. */
function variables(style: string): Record<"light" | "dark", Record<string, string>> {
  const [light, dark] = style.split("@media(prefers-color-scheme:dark)").map((part) =>
    Object.fromEntries(
      [...part.matchAll(/--(\w+):(#[0-9a-f]+)/g)].map(([, key, hex]) => [key, hex]),
    )
  );
  return { light, dark: { ...light, ...dark } };
}

const colors = variables(pageColors);
const series = variables(curvePlotStyle);
const readable = 4.5;

Deno.test("words can be read on every ground they stand on, light and dark", () => {
  for (const scheme of ["light", "dark"] as const) {
    const { page, card, text, faint, accent, good, bad } = colors[scheme];
    for (const [name, color] of Object.entries({ text, faint, accent, good, bad })) {
      for (const ground of [page, card]) {
        assert.ok(contrast(linear(color), linear(ground)) >= readable, `${scheme}: ${name}`);
      }
    }
    for (const status of [accent, good, bad]) {
      // A status stands on a tenth of its own colour.
      const pill = mix(status, 0.12, page);
      assert.ok(contrast(linear(status), pill) >= readable, `${scheme}: status ${status}`);
    }
  }
});

Deno.test("the numbers of a confusion matrix can be read in every cell, light and dark", () => {
  for (let hits = 1; hits < 100; hits++) {
    const html = confusionHtml({ classes: ["a", "b"], counts: [[hits, 100 - hits], [0, 1]] });
    const cells = [...html.matchAll(/<td class="(hit|miss)( strong)?" style="--a:(\d+)%"/g)];
    assert.equal(cells.length, 4);
    for (const [, kind, strong, percent] of cells) {
      for (const scheme of ["light", "dark"] as const) {
        const color = series[scheme][kind === "hit" ? "s0" : "s1"];
        const ground = mix(color, Number(percent) / 100, colors[scheme].empty);
        const text = scheme === "light" ? colors.light.text : strong ? "#000" : "#fff";
        const ratio = contrast(linear(text), ground);
        assert.ok(ratio >= readable, `${scheme} ${kind} ${percent} %: ${ratio.toFixed(2)}`);
      }
    }
  }
});

Deno.test("a report has a main part, headings in order, and names for what it shows", () => {
  const history = new History();
  for (let step = 1; step <= 5; step++) history.add({ step, loss: 1 / step, learningRate: 1e-3 });
  const page = runReportPage({
    ...{ name: "run", title: "fine-tuning", status: "running", time: 0, step: 5, totalSteps: 9 },
    ...{ history, elapsedSeconds: 75, parameters: 1000, warnings: [], pictures: null },
    evaluations: [{
      ...{ step: 5, name: "classifier", result: { top1: 0.5 } },
      confusion: { classes: ["a", "b"], counts: [[1, 1], [1, 1]] },
    }],
    config: [["seed", "0", "default"]],
    facts: [["device", "cpu"]],
    data: { location: "photos", files: 2, classes: ["a", "b"] },
    rejected: [{ id: "a/1.png", reason: "broken" }],
    refreshSeconds: 30,
  });
  assert.match(page, /<body>\s*<main>\s*<h1>/);
  const levels = [...page.matchAll(/<h(\d)/g)].map(([, level]) => Number(level));
  assert.ok(levels.length > 5);
  for (const [i, level] of levels.entries()) {
    assert.ok(level <= (levels[i - 1] ?? 0) + 1, `headings ${levels.join()}`);
  }
  assert.doesNotMatch(page, /<th[^>]*><\/th>/);
  assert.match(page, /<progress aria-label="\w+"/);
  for (const [svg] of page.matchAll(/<svg[^>]*>/g)) assert.match(svg, /aria-label="\w/);
});
