import type { Source } from "./source.ts";

/** No images: for what has no need of any. */
export const emptySource: Source = {
  length: 0,
  classes: [],
  entry: () => {
    throw new RangeError("There are no images");
  },
  read: () => {
    throw new RangeError("There are no images");
  },
};
