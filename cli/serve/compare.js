// deno-lint-ignore-file no-unused-vars -- the two scripts use each other's
// @ts-nocheck: runs in the browser; tests/cli/serve/app/browser_test.ts drives it.
/* What the selected runs have in common and how they differ: results, overlaid curves, configs. */
/* global uPlot, document, ResizeObserver, make, element, runs, chosen, fetched, colorOf, figure, written */
"use strict";

/** Plots by method and curve name. */
const plots = new Map();
/** The elements for a method: `{ node, plots, results, config }`. */
const groups = new Map();
const watcher = new ResizeObserver(() => {
  for (const { uplot, node } of plots.values()) {
    uplot.setSize({ width: Math.max(200, node.clientWidth - 24), height: 210 });
  }
});

/** A moving mean of the previous values. */
function smooth(values, keep) {
  let [sum, weight] = [0, 0];
  return values.map((value) => {
    sum = keep * sum + (1 - keep) * value;
    weight = keep * weight + (1 - keep);
    return sum / weight;
  });
}

const orderOf = (name) => {
  const first = ["loss", "loss1", "loss2", "accuracy1", "accuracy2", "accuracy"];
  const place = first.indexOf(name);
  if (place >= 0) return place;
  if (name.startsWith("evaluation/fixed images/")) return 30;
  if (name.startsWith("evaluation/")) return 10;
  return /^(stages\.|(epoch|stepTime|dataTime|skipped|lossScale)$)/.test(name) ? 30 : 20;
};

/** The selected runs by method, in list order: only runs of the same method are compared. */
function chosenByMethod() {
  const byMethod = new Map();
  for (const run of runs) {
    if (!chosen.has(run.id) || !fetched.has(run.id)) continue;
    byMethod.set(run.method, [...byMethod.get(run.method) ?? [], run.id]);
  }
  return byMethod;
}

const curveOf = (id, name) => fetched.get(id).curves[name];

/** The last value of a curve, without smoothing. */
const lastOf = (id, name) => {
  const { last, mean } = curveOf(id, name);
  return last ?? mean.at(-1);
};

/** The curves shown for some runs: those requested, or the most informative ones. */
function curveNames(ids) {
  const names = [...new Set(ids.flatMap((id) => Object.keys(fetched.get(id).curves)))];
  const words = element("filter").value.toLowerCase().split(/[\s,]+/).filter((word) => word !== "");
  const label = (name) => ids.map((id) => curveOf(id, name)?.label).find((label) => label);
  const isOverTime = (name) =>
    !name.startsWith("evaluation/") || ids.some((id) => curveOf(id, name)?.steps.length > 1);
  return names.filter((name) =>
    words.length === 0
      ? orderOf(name) < 30 && isOverTime(name) && !/top5$/i.test(name)
      : words.some((word) => `${name} ${label(name)}`.toLowerCase().includes(word))
  ).sort((a, b) => orderOf(a) - orderOf(b));
}

function dataOf(name, ids) {
  const keep = Number(element("smoothing").value);
  // Evaluations are few, and a schedule has no noise.
  const isExact = name.startsWith("evaluation/") || name === "learningRate";
  const tables = ids.map((id) => {
    const { steps, mean } = curveOf(id, name);
    return [steps, isExact ? mean : smooth(mean, keep)];
  });
  return tables.length === 1 ? tables[0] : uPlot.join(tables);
}

function colorsOfPage() {
  const { color } = getComputedStyle(element("live"));
  const line = getComputedStyle(document.querySelector("th")).borderBottomColor;
  return { stroke: color, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
}

/** The range of an axis: none below zero or above one unless a value is, and a level line starts at zero. */
function rangeOf(unit, low, high) {
  if (low === null) return [null, null];
  const [from, to] = low < high
    ? uPlot.rangeNum(low, high, 0.1, true)
    : [Math.min(0, 2 * low), Math.max(0, 2 * low) || 1];
  const isShare = unit === "share" && high <= 1;
  return [low >= 0 ? Math.max(0, from) : from, isShare ? Math.min(1, to) : to];
}

function createPlot(name, ids, width) {
  const axis = colorsOfPage();
  const isFew = name.startsWith("evaluation/");
  const { unit } = curveOf(ids[0], name);
  const isLog = element("log").checked;
  return new uPlot({
    width,
    height: 210,
    padding: [8, 14, 0, 0],
    scales: {
      x: { time: false },
      y: isLog ? { distr: 3 } : { range: (_plot, low, high) => rangeOf(unit, low, high) },
    },
    legend: {
      markers: { width: 0, fill: (_plot, place) => place > 0 ? colorOf(ids[place - 1]) : "" },
    },
    axes: [{ ...axis, size: 32 }, {
      ...axis,
      size: 62,
      values: (_plot, ticks) =>
        ticks.map((tick) => tick === null ? "" : written(unit, tick).replace(".0 %", " %")),
    }],
    series: [
      { label: "step", value: (plot, value) => value ?? plot.data[0].at(-1) ?? "–" },
      ...ids.map((id) => ({
        label: id,
        stroke: colorOf(id),
        width: 1.5,
        spanGaps: true,
        points: { show: isFew, size: 6, fill: colorOf(id) },
        // Away from the pointer, the last value as logged, without smoothing.
        value: (_plot, value) => written(unit, value ?? lastOf(id, name)),
      })),
    ],
  }, dataOf(name, ids));
}

/** A name as a heading; `k-NN` and `mIoU` stay unchanged. */
const titleOf = (name) => /^[a-z][-A-Z]/.test(name) ? name : name[0].toUpperCase() + name.slice(1);

/** A method's place on the page. */
function groupOf(method) {
  const known = groups.get(method);
  if (known !== undefined) return known;
  const parts = {
    results: make("div", { className: "results scroll" }),
    plots: make("div", { className: "plots" }),
    config: make("div", { className: "config scroll" }),
  };
  const node = make("section", { className: "group" }, [
    make("h2", { textContent: titleOf(method) }),
    parts.results,
    parts.plots,
    parts.config,
  ]);
  watcher.observe(parts.plots);
  groups.set(method, { node, ...parts });
  element("groups").append(node);
  return groups.get(method);
}

function removePlot(key) {
  const { uplot, node } = plots.get(key);
  uplot.destroy();
  node.remove();
  plots.delete(key);
}

function showPlots() {
  const byMethod = chosenByMethod();
  const wanted = new Map();
  for (const [method, ids] of byMethod) {
    for (const name of curveNames(ids)) {
      wanted.set(JSON.stringify([method, name]), {
        ...{ method, name },
        ids: ids.filter((id) => curveOf(id, name) !== undefined),
      });
    }
  }
  for (const key of [...plots.keys()]) if (!wanted.has(key)) removePlot(key);
  for (const [method, { node }] of groups) {
    if (byMethod.has(method)) continue;
    node.remove();
    groups.delete(method);
  }
  for (const [key, { method, name, ids }] of wanted) {
    const kind = JSON.stringify([ids.map((id) => [id, colorOf(id)]), element("log").checked]);
    const known = plots.get(key);
    if (known?.kind === kind) {
      known.uplot.setData(dataOf(name, ids));
      continue;
    }
    const { label } = curveOf(ids[0], name);
    const node = known?.node ??
      make("figure", {}, [make("figcaption", { textContent: titleOf(label) })]);
    node.dataset.curve = name;
    known?.uplot.destroy();
    groupOf(method).plots.append(node);
    const uplot = createPlot(name, ids, Math.max(200, node.clientWidth - 24));
    node.append(uplot.root);
    plots.set(key, { node, uplot, kind });
  }
}

function table(head, rows) {
  return make("table", {}, [
    make("tr", {}, head.map((textContent) => make("th", { textContent }))),
    ...rows.map((cells) => make("tr", {}, cells)),
  ]);
}

/** Each run's latest evaluations, side by side, with the best in bold. */
function showResults(method, ids) {
  const names = [...new Set(ids.flatMap((id) => Object.keys(fetched.get(id).curves)))]
    .filter((name) => /^evaluation\/(?!fixed images\/)/.test(name) && !/top5$/i.test(name));
  const isBetter = (name) => !/loss/i.test(name);
  const rows = names.map((name) => {
    const values = ids.map((id) => curveOf(id, name)?.mean.at(-1));
    const known = values.filter((value) => value !== undefined);
    const best = Math.max(...known);
    const isEven = known.every((value) => value === best);
    const { label, unit } = ids.map((id) => curveOf(id, name)).find((curve) => curve !== undefined);
    return [
      make("td", { textContent: label }),
      ...values.map((value) =>
        make("td", {
          textContent: written(unit, value),
          className: !isEven && isBetter(name) && value === best ? "best" : "",
        })
      ),
    ];
  });
  const shown = rows.length === 0 ? [] : [table(["last evaluation", ...ids], rows)];
  groupOf(method).results.replaceChildren(...shown);
}

/** A config value; what an older version did not have is the same as what is not set. */
const valueOf = (config, key) => {
  const value = config[key]?.value ?? "null";
  return value === "null" ? "–" : value;
};

/** Keys that differ from run to run and change nothing. */
const isIdle = (key) => key === "output" || key === "$schema";

function showConfig(method, ids) {
  const configs = ids.map((id) => fetched.get(id).config);
  const isAll = element("all").checked;
  const keys = [...new Set(configs.flatMap((config) => Object.keys(config)))].filter((key) =>
    isAll || !isIdle(key) && new Set(configs.map((config) => valueOf(config, key))).size > 1
  );
  const rows = keys.map((key) => [
    make("td", {}, key.split(/(?<=\.)/).flatMap((part) => [part, make("wbr")])),
    ...configs.map((config) =>
      make("td", {
        textContent: valueOf(config, key),
        // What differs from the first run.
        className: valueOf(config, key) === valueOf(configs[0], key) ? "" : "other",
        title: config[key] === undefined ? "" : `from ${config[key].origin}`,
      })
    ),
  ]);
  const title = isAll ? "Config" : "Config: what differs";
  const isSame = rows.length === 0;
  const shown = isSame && ids.length < 2 ? [] : [
    make("h3", { textContent: title }),
    isSame
      ? make("p", { className: "faint", textContent: "Nothing: the configs are the same." })
      : table(["key", ...ids], rows),
  ];
  groupOf(method).config.replaceChildren(...shown);
}

function showCompared() {
  showPlots();
  for (const [method, ids] of chosenByMethod()) {
    showResults(method, ids);
    showConfig(method, ids);
  }
}

function redraw() {
  for (const key of [...plots.keys()]) removePlot(key);
  showPlots();
}
