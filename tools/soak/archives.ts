/** Damaged archives; see `archive_cases.ts`. @module */
import { runWatched, type Watched } from "./in_child.ts";
import type { SoakPart } from "./part.ts";

const watched: Watched = {
  name: "archives",
  title: "Damaged archives (tar, tar.gz, zip) opened as data, every member read",
  seconds: 120,
  limitBytes: 2e9,
  casesPerProcess: 2000,
};

/** Damaged archives. */
export const archives: SoakPart = {
  name: watched.name,
  title: watched.title,
  cases: 10_000,
  run: (options) => runWatched(watched, options),
};
