/** Damaged configs; see `config_cases.ts`. @module */
import { runWatched, type Watched } from "./in_child.ts";
import type { SoakPart } from "./part.ts";

const watched: Watched = {
  name: "configs",
  title: "Damaged configs resolved and, if accepted, trained with for two steps",
  seconds: 120,
  limitBytes: 3e9,
  casesPerProcess: 100,
};

/** Damaged configs. */
export const configs: SoakPart = {
  name: watched.name,
  title: watched.title,
  cases: 1500,
  run: (options) => runWatched(watched, options),
};
