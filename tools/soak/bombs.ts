/** Small files that demand a lot; see `bomb_cases.ts`. @module */
import { bombNames } from "./bomb_cases.ts";
import { runWatched, type Watched } from "./in_child.ts";
import type { SoakPart } from "./part.ts";

const watched: Watched = {
  name: "bombs",
  title: "Bombs: small images, archives, pickles and configs that demand a lot",
  seconds: 120,
  limitBytes: 2e9,
  // The peak of one is not the next one's.
  casesPerProcess: 1,
};

/** Bombs, each once. */
export const bombs: SoakPart = {
  name: watched.name,
  title: watched.title,
  cases: bombNames.length,
  run: (options) =>
    runWatched(watched, { ...options, cases: Math.min(options.cases, bombNames.length) }),
};
