// deno-lint-ignore-file no-unused-vars -- the two scripts use each other's
// @ts-nocheck: runs in the browser; tests/cli/serve/app/browser_test.ts drives it.
/* The page of all runs: the list, and the data fetched for them; compare.js shows the selected ones. */
/* global document, location, EventSource, matchMedia, showCompared, showPlots, redraw */
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

/** Runs by id, as last sent by the server. */
let runs = [];
/** Ids of the runs being compared, each with its colour index. */
const chosen = new Map();
/** What was fetched for a run: `{ version, curves, config }`. */
const fetched = new Map();
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

/** A number with about four digits, as in the reports. */
function figure(value) {
  const size = Math.abs(value);
  if (size >= 1e6) return `${+(value / 1e6).toPrecision(3)}M`;
  if (size >= 1e4) return `${+(value / 1e3).toPrecision(3)}k`;
  if (Number.isInteger(value)) return String(value);
  return size < 1e-3 ? value.toExponential(1) : String(+value.toPrecision(4));
}

/** An integer in groups of three digits, as in the reports. */
const count = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f");

/** How numbers of each unit are written; the same as in core/number_formats.ts. */
const formats = {
  share: (value) => `${(100 * value).toFixed(1)} %`,
  rate: (value) => value === 0 ? "0" : value.toExponential(2).replace(/(\.\d)0e/, "$1e"),
  seconds: (value) => value < 1 ? `${+(1000 * value).toPrecision(3)} ms` : `${value.toFixed(1)} s`,
};

function written(unit, value) {
  if (value === null || value === undefined) return "–";
  return (formats[unit] ?? figure)(value);
}

const states = { early: "stopped early", cut: "stopped by --max-steps", silent: "no news" };

function dateOf(seconds) {
  if (seconds === null) return "";
  return new Date(1000 * seconds).toLocaleString(undefined, {
    dateStyle: "short",
    timeStyle: "short",
  });
}

/** A cell of the list; `label` precedes it where the list has no headings, on a narrow page. */
function cell(className, textContent, label = "") {
  const node = make("td", { className, textContent });
  if (label !== "" && textContent !== "") node.dataset.label = label;
  return node;
}

function nameCell(run) {
  const swatch = make("span", { className: "swatch" });
  if (chosen.has(run.id)) swatch.style.background = colorOf(run.id);
  const node = make("td", { className: "name" }, [swatch, run.id]);
  if (run.hasReport) {
    const href = `report?run=${encodeURIComponent(run.id)}`;
    node.append(" ", make("a", { href, textContent: "report", target: "_blank" }));
  }
  return node;
}

function showRuns() {
  element("empty").hidden = runs.length > 0;
  element("choice").hidden = runs.length === 0;
  const rows = runs.map((run) => {
    const box = make("input", { type: "checkbox", checked: chosen.has(run.id) });
    box.setAttribute("aria-label", `compare ${run.id}`);
    box.addEventListener("change", () => {
      choose(run.id, box.checked);
      showRuns();
      update();
    });
    const result = make("td", { className: "tight result" });
    if (run.result !== null) {
      const value = make("span", { className: "number", textContent: run.result.text });
      result.append(value, " ", make("span", { className: "faint", textContent: run.result.name }));
    }
    const total = run.totalSteps === null ? "" : ` / ${count(run.totalSteps)}`;
    const device = cell("device faint", (run.device ?? "").split(": ")[0]);
    device.title = run.device ?? "";
    return make("tr", {}, [
      make("td", {}, [box]),
      nameCell(run),
      cell(`state ${run.status}`, states[run.status] ?? run.status),
      cell("tight", run.method),
      result,
      cell("tight", run.loss ?? "", "loss"),
      cell("tight steps", `${count(run.step)}${total}`, "steps"),
      cell("tight faint", dateOf(run.begun)),
      cell("tight", run.duration ?? ""),
      device,
    ]);
  });
  element("runs").replaceChildren(...rows);
}

async function fetchJson(path) {
  const response = await fetch(path);
  // Deleted in the meantime: the next list will not have it.
  return response.ok ? await response.json() : null;
}

/** Fetches what has changed for the selected runs. */
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

let isUpdating = false;
let isDue = false;
/** Fetches and shows; calls made in the meantime are combined into one. */
async function update() {
  isDue = true;
  if (isUpdating) return;
  isUpdating = true;
  while (isDue) {
    isDue = false;
    await load().catch(() => {}); // The server went away: the line at the top says so.
    showCompared();
  }
  isUpdating = false;
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
    // The newest run, and what it can be compared with.
    const alike = runs.filter(({ method }) => method === runs[0].method).slice(0, 3);
    for (const id of known.length > 0 ? known : alike.map(({ id }) => id)) choose(id, true);
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
element("all").addEventListener("change", showCompared);
element("view").addEventListener("submit", (event) => event.preventDefault());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
