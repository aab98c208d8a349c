import assert from "node:assert/strict";
import { linePlot } from "../../report/line_plot.ts";

const point = (x: number, y: number) => ({ x, y, low: y - 1, high: y + 1 });

Deno.test("linePlot() keeps every mark inside the picture and in order", () => {
  const svg = linePlot({
    title: "Accuracy",
    xLabel: "passes",
    yLabel: "%",
    formatX: (x) => `${x / 1000}k`,
    series: [
      { name: "one", points: [point(1000, 20), point(10_000, 40)] },
      { name: "nobody", points: [] },
      { name: "two", points: [point(1000, 30)] },
    ],
  });
  const circles = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)]
    .map(([, x, y]) => [Number(x), Number(y)]);
  assert.equal(circles.length, 3);
  const [[x1, y1], [x2, y2], [x3, y3]] = circles;
  assert.ok(x1 < x2 && y1 > y2, "a larger value is further right and higher up");
  assert.ok(x3 === x1 && y3 < y1 && y3 > y2, "series share the axes");
  for (const [x, y] of circles) assert.ok(x > 0 && x < 640 && y > 0 && y < 400);
  assert.ok(svg.includes(">10k</text>") && !svg.includes("nobody"));
});
