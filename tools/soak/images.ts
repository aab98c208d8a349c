/** Damaged images; see `image_cases.ts`. @module */
import { runWatched, type Watched } from "./in_child.ts";
import type { SoakPart } from "./part.ts";

const watched: Watched = {
  name: "images",
  title: "Damaged images decoded by either decoder, cropped and resized",
  seconds: 120,
  limitBytes: 2e9,
  casesPerProcess: 2000,
};

/** Damaged images. */
export const images: SoakPart = {
  name: watched.name,
  title: watched.title,
  cases: 10_000,
  run: (options) => runWatched(watched, options),
};
