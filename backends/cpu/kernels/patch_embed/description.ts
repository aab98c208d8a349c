/** Images laid out as rows of patches. @module */

import type { KernelBuilder, KernelDescription } from "../../code/kernel_builder.ts";

/** A row of patches: of each patch, for each channel its square of pixels. */
function buildPatches(k: KernelBuilder): void {
  const [pixels, rowBytes, channelBytes, target, across, channels, patchSize] = k.indices(
    "pixels",
    "rowBytes",
    "channelBytes",
    "target",
    "across",
    "channels",
    "patchSize",
  );
  k.repeat(across, () => {
    const channel = k.letIndex(pixels);
    k.repeat(channels, () => {
      const row = k.letIndex(channel);
      k.repeat(patchSize, () => {
        const from = k.letIndex(row);
        k.forElements(patchSize, [from, target], (lanes) => lanes.store(target, lanes.load(from)));
        row.advance(rowBytes);
      });
      channel.advance(channelBytes);
    });
    pixels.advance(patchSize.shiftedLeft(2));
  });
}

export const descriptions: readonly KernelDescription[] = [
  { name: "patches", build: buildPatches },
];
