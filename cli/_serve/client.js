// @ts-nocheck: runs in the browser; tests/cli/serve_browser_test.ts drives it.
/* The page that compares runs: a list, curves laid over each other, configs side by side. */
/* global uPlot, document, location, EventSource, matchMedia, ResizeObserver */
"use strict";

const colors = [
  "#2f8fd8",
  "#e2762f",
  "#16a37b",
  "#c75fa6",
  "#c99a00",
  "#7a6ff0",
  "#d64545",
  "#7d8a96",
];
const element = (id) => document.getElementById(id);

/** Runs by id, as the server last told. */
let runs = [];
/** Ids of the runs that are compared, each with its place among the colours. */
const chosen = new Map();
/** What was fetched of a run: `{ version, curves, config }`. */
const fetched = new Map();
/** Plots by the name of their curve. */
const plots = new Map();
let isFirst = true;

function make(tag, properties = {}, children = []) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

const colorOf = (id) => colors[chosen.get(id) % colors.length];

function choose(id, isChosen) {
  if (!isChosen) chosen.delete(id);
  else if (!chosen.has(id)) {
    const taken = new Set(chosen.values());
    let place = 0;
    while (taken.has(place)) place++;
    chosen.set(id, place);
  }
  location.replace(`#${[...chosen.keys()].map(encodeURIComponent).join("&")}`);
}

/** A number in about four digits. */
function figure(value) {
  if (value === null || value === undefined) return "–";
  if (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6)) {
    return value.toExponential(1);
  }
  return String(+value.toPrecision(4));
}

function showRuns() {
  element("empty").hidden = runs.length > 0;
  const rows = runs.map((run) => {
    const box = make("input", { type: "checkbox", checked: chosen.has(run.id) });
    box.setAttribute("aria-label", `compare ${run.id}`);
    box.addEventListener("change", () => {
      choose(run.id, box.checked);
      showRuns();
      update();
    });
    const swatch = make("span", { className: "swatch" });
    if (chosen.has(run.id)) swatch.style.background = colorOf(run.id);
    const name = make("td", {}, [swatch, run.id]);
    if (run.hasReport) {
      const href = `report?run=${encodeURIComponent(run.id)}`;
      name.append(" ", make("a", { href, textContent: "report", target: "_blank" }));
    }
    const total = run.totalSteps === null ? "" : ` / ${run.totalSteps}`;
    return make("tr", {}, [
      make("td", {}, [box]),
      name,
      make("td", { className: "faint", textContent: run.status }),
      make("td", { textContent: `${run.step}${total}` }),
      make("td", { textContent: figure(run.loss) }),
    ]);
  });
  element("runs").replaceChildren(...rows);
}

async function fetchJson(path) {
  const response = await fetch(path);
  // Deleted meanwhile: the next list will not have it.
  return response.ok ? await response.json() : null;
}

/** Fetches what has changed of the chosen runs. */
async function load() {
  const wanted = runs.filter(({ id, version }) =>
    chosen.has(id) && fetched.get(id)?.version !== version
  );
  await Promise.all(wanted.map(async ({ id, version }) => {
    const query = `run=${encodeURIComponent(id)}`;
    const config = fetched.get(id)?.config ?? await fetchJson(`api/config?${query}`);
    const curves = await fetchJson(`api/curves?${query}`);
    if (curves !== null && config !== null) fetched.set(id, { version, curves, config });
  }));
  for (const id of fetched.keys()) if (!runs.some((run) => run.id === id)) fetched.delete(id);
}

/** A mean that forgets, of the values before. */
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
  if (name.startsWith("evaluation/")) return 10;
  return /^(stages\.|epoch$|stepTime$|dataTime$|skipped$)/.test(name) ? 30 : 20;
};

function curveNames() {
  const names = new Set(
    [...chosen.keys()].flatMap((id) => Object.keys(fetched.get(id)?.curves ?? {})),
  );
  const words = element("filter").value.toLowerCase().split(/[\s,]+/).filter((word) => word !== "");
  return [...names].filter((name) =>
    words.length === 0
      ? orderOf(name) < 30
      : words.some((word) => name.toLowerCase().includes(word))
  ).sort((a, b) => orderOf(a) - orderOf(b));
}

/** The chosen runs that have a curve. */
const idsOf = (name) =>
  [...chosen.keys()].filter((id) => fetched.get(id)?.curves[name] !== undefined);

function dataOf(name, ids) {
  const keep = Number(element("smoothing").value);
  const isFew = name.startsWith("evaluation/");
  const tables = ids.map((id) => {
    const { steps, mean } = fetched.get(id).curves[name];
    return [steps, isFew ? mean : smooth(mean, keep)];
  });
  return tables.length === 1 ? tables[0] : uPlot.join(tables);
}

function colorsOfPage() {
  const { color } = getComputedStyle(element("live"));
  const line = getComputedStyle(document.querySelector("th")).borderBottomColor;
  return { stroke: color, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
}

function createPlot(name, ids, width) {
  const axis = colorsOfPage();
  const isFew = name.startsWith("evaluation/");
  return new uPlot({
    width,
    height: 210,
    scales: { x: { time: false }, y: { distr: element("log").checked ? 3 : 1 } },
    axes: [axis, {
      ...axis,
      size: 58,
      values: (_plot, ticks) => ticks.map((tick) => tick === null ? "" : figure(tick)),
    }],
    series: [
      { label: "step" },
      ...ids.map((id) => ({
        label: id,
        stroke: colorOf(id),
        width: 1.5,
        spanGaps: true,
        points: { show: isFew },
        value: (_plot, value) => figure(value),
      })),
    ],
  }, dataOf(name, ids));
}

function showPlots() {
  const names = curveNames();
  for (const [name, plot] of plots) {
    if (names.includes(name)) continue;
    plot.uplot.destroy();
    plot.node.remove();
    plots.delete(name);
  }
  for (const name of names) {
    const ids = idsOf(name);
    const kind = JSON.stringify([ids.map((id) => [id, colorOf(id)]), element("log").checked]);
    const known = plots.get(name);
    if (known?.kind === kind) {
      known.uplot.setData(dataOf(name, ids));
      continue;
    }
    const node = known?.node ?? make("figure", {}, [make("figcaption", { textContent: name })]);
    known?.uplot.destroy();
    element("plots").append(node);
    const uplot = createPlot(name, ids, Math.max(200, node.clientWidth - 18));
    node.append(uplot.root);
    plots.set(name, { node, uplot, kind });
  }
}

function showConfig() {
  const ids = [...chosen.keys()].filter((id) => fetched.has(id));
  const configs = ids.map((id) => fetched.get(id).config);
  const keys = [...new Set(configs.flatMap((config) => Object.keys(config)))];
  const isAll = element("all").checked || ids.length < 2;
  const shown = keys.filter((key) =>
    isAll || new Set(configs.map((config) => config[key]?.value)).size > 1
  );
  element("config-title").textContent = ids.length < 2 ? "Config" : "Config: what differs";
  const head = make("tr", {}, [
    make("th", { textContent: "key" }),
    ...ids.map((id) => make("th", { textContent: id })),
  ]);
  const rows = shown.map((key) =>
    make("tr", {}, [
      make("td", { textContent: key }),
      ...configs.map((config) =>
        make("td", {
          textContent: config[key]?.value ?? "–",
          title: config[key] === undefined ? "" : `from ${config[key].origin}`,
        })
      ),
    ])
  );
  element("config").replaceChildren(head, ...rows);
}

let isUpdating = false;
let isDue = false;
/** Fetches and shows; calls while it works are put together into one more. */
async function update() {
  isDue = true;
  if (isUpdating) return;
  isUpdating = true;
  while (isDue) {
    isDue = false;
    await load().catch(() => {}); // The server went away: the line at the top says so.
    showPlots();
    showConfig();
  }
  isUpdating = false;
}

function redraw() {
  for (const { uplot, node } of plots.values()) {
    uplot.destroy();
    node.remove();
  }
  plots.clear();
  showPlots();
}

function receive(list) {
  runs = list;
  for (const id of [...chosen.keys()]) if (!runs.some((run) => run.id === id)) choose(id, false);
  if (isFirst && runs.length > 0) {
    isFirst = false;
    const named = location.hash.slice(1).split("&").filter((id) => id !== "").map(
      decodeURIComponent,
    );
    const known = named.filter((id) => runs.some((run) => run.id === id));
    for (const id of known.length > 0 ? known : runs.slice(0, 3).map(({ id }) => id)) {
      choose(id, true);
    }
  }
  showRuns();
  update();
}

const source = new EventSource("events");
source.addEventListener("runs", (event) => receive(JSON.parse(event.data)));
source.addEventListener("open", () => {
  element("live").textContent = "live";
  element("live").className = "";
});
source.addEventListener("error", () => {
  element("live").textContent = "connection lost, trying again";
  element("live").className = "lost";
});
element("smoothing").addEventListener("input", showPlots);
element("filter").addEventListener("input", showPlots);
element("log").addEventListener("change", showPlots);
element("all").addEventListener("change", showConfig);
element("view").addEventListener("submit", (event) => event.preventDefault());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
new ResizeObserver(() => {
  for (const { uplot, node } of plots.values()) {
    uplot.setSize({ width: Math.max(200, node.clientWidth - 18), height: 210 });
  }
}).observe(element("plots"));
