/** Damaged checkpoints; see `checkpoint_cases.ts`. @module */
import { runWatched, type Watched } from "./in_child.ts";
import type { SoakPart } from "./part.ts";

const watched: Watched = {
  name: "checkpoints",
  title: "Damaged checkpoints of every format inspected, opened, read and converted",
  seconds: 30,
  limitBytes: 1e9,
  casesPerProcess: 2000,
};

/** Damaged checkpoints. */
export const checkpoints: SoakPart = {
  name: watched.name,
  title: watched.title,
  cases: 12_000,
  run: (options) => runWatched(watched, options),
};
