import assert from "node:assert/strict";
import { fc } from "../../deps/fast_check.ts";
import { curvePlot } from "../../report/curve_plot.ts";
import { History } from "../../report/history.ts";
import { runReportPage } from "../../report/run_report.ts";

Deno.test("History: no peak and no value is lost however the intervals are joined", () => {
  fc.assert(fc.property(
    fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 300 }),
    (values) => {
      const history = new History(16);
      for (const [index, value] of values.entries()) history.add({ step: index + 1, value });
      const points = history.curve("value");
      assert.ok(points.length <= 16);
      assert.equal(Math.min(...points.map(({ low }) => low)), Math.min(...values));
      assert.equal(Math.max(...points.map(({ high }) => high)), Math.max(...values));
      assert.equal(points.at(-1)!.step, values.length);
      for (const { low, mean, high } of points) {
        assert.ok(low <= mean + Math.abs(mean) * 1e-9 && mean <= high + Math.abs(high) * 1e-9);
      }
    },
  ));
});

Deno.test("History: steps that were not logged and values that are none leave gaps", () => {
  const history = new History(4);
  history.add({ step: 3, loss: 1, gradNorm: null, stages: { encode: 2 } });
  history.add({ step: 900, loss: NaN, gradNorm: 5, skipped: true, stages: { encode: 4 } });
  assert.deepEqual(history.curve("loss").map(({ step }) => step), [3]);
  assert.deepEqual(history.curve("stages.encode").map(({ mean }) => mean), [2, 4]);
  assert.deepEqual(history.gaps("loss"), [900]);
  assert.deepEqual(history.curve("skipped").map(({ high }) => high), [1]);
});

Deno.test("curvePlot() keeps every mark inside the picture, on both scales", () => {
  const point = (step: number, mean: number) => ({ step, low: mean / 2, high: 2 * mean, mean });
  const points = Array.from({ length: 80 }, (_, i) => point(i + 1, 10 ** (i / 20)));
  for (const scale of ["linear", "log"] as const) {
    const svg = curvePlot({ title: "norm", scale, curves: [{ name: "norm", points }] });
    const numbers = [...svg.matchAll(/ d="(M[^"]*)"/g)].flatMap(([, path]) =>
      [...path.matchAll(/[ML](-?[\d.]+),(-?[\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)])
    );
    assert.ok(numbers.length > 100);
    for (const [x, y] of numbers) assert.ok(x >= 0 && x <= 420 && y >= 0 && y <= 230, `${x},${y}`);
  }
  assert.equal(curvePlot({ title: "nothing", curves: [{ name: "a", points: [] }] }), "");
});

Deno.test("the report of a million steps is as small as that of a thousand", () => {
  const page = (steps: number) => {
    const history = new History();
    const record = { loss: 0, gradNorm: 1, learningRate: 0, imagesPerSecond: 9, stepTime: 1 };
    for (let step = 1; step <= steps; step++) {
      record.loss = 5 / step + (step * 7919 % 101) / 500;
      record.learningRate = step / steps;
      record.gradNorm = 1 + step % 13;
      history.add({ step, ...record });
    }
    return runReportPage({
      name: "long",
      title: "pretraining",
      status: "running",
      elapsedSeconds: 1,
      parameters: 1,
      time: 0,
      step: steps,
      totalSteps: steps,
      history,
      evaluations: Array.from({ length: 300 }, (_, i) => ({
        step: i * 1000,
        name: "features",
        result: { knnTop1: i / 300 },
      })),
      warnings: Array.from({ length: 5000 }, (_, i) => `warning ${i}`),
      pictures: null,
      config: [],
      facts: [],
      data: { location: "folder", files: 1e6, classes: [] },
      rejected: Array.from({ length: 5000 }, (_, i) => ({ id: `${i}.jpg`, reason: "broken" })),
      refreshSeconds: 30,
    });
  };
  const [short, long] = [page(1000), page(1_000_000)];
  assert.ok(long.length < 200_000, `${long.length} characters`);
  assert.ok(long.length < 1.3 * short.length, `${long.length} and ${short.length} characters`);
  assert.match(long, /5\s000 rejected/);
  assert.ok(long.includes("and 4900 more"));
});
