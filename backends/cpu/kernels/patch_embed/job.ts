/** A row of patches. @module */

import { defineJob } from "../../threads/job.ts";

/** An item is a row of patches of an image: patch by patch, each channel's square of pixels. */
export const patchesJob = defineJob(
  "patches",
  ["images", "patches", "channels", "height", "width", "patchSize"],
  ({ kernels }, { images, patches, channels, height, width, patchSize }, item) => {
    const [down, across] = [height / patchSize, width / patchSize];
    const image = Math.floor(item / down);
    const row = image * channels * height + (item % down) * patchSize;
    kernels.patches(
      images + row * width * 4,
      width * 4,
      height * width * 4,
      patches + item * across * channels * patchSize * patchSize * 4,
      across,
      channels,
      patchSize,
    );
  },
);
