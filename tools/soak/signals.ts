/** Runs that are asked to stop at random instants. @module */
import { oneOf } from "./mutate.ts";
import { send, single, strikeRuns, type Striking } from "./runs.ts";
import type { SoakPart } from "./part.ts";

const kinds = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

const striking: Striking = {
  name: "signals",
  title: "Runs asked to stop (SIGINT, SIGTERM, SIGHUP) and resumed",
  command: single,
  strike(pid, generator) {
    const signal = oneOf(kinds, generator);
    return send(pid, signal) ? signal : null;
  },
  savesMore: true,
  // Saved; or, before mimic listens, the system's own ending.
  codes: [0, 130, 143, 129],
};

/** Signals. */
export const signals: SoakPart = {
  name: striking.name,
  title: striking.title,
  cases: 150,
  run: (options) => strikeRuns(striking, options),
};
