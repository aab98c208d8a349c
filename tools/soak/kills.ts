/** Runs killed at random instants. @module */
import { send, single, strikeRuns, type Striking } from "./runs.ts";
import type { SoakPart } from "./part.ts";

const striking: Striking = {
  name: "kills",
  title: "Runs of the five trainings killed and resumed",
  command: single,
  strike: (pid) => send(pid, "SIGKILL") ? "SIGKILL" : null,
  savesMore: false,
  codes: [137],
};

/** Kills. */
export const kills: SoakPart = {
  name: striking.name,
  title: striking.title,
  cases: 400,
  run: (options) => strikeRuns(striking, options),
};
