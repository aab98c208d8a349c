import assert from "node:assert/strict";
import { cellColours, cellDim, cellHistograms } from "../../../models/teachers/cell_histograms.ts";

Deno.test("a gradient's orientation falls into its bin, in each channel", () => {
  // Brightness rises to the right: orientation 0, the first bin of each channel.
  const ramp = Uint8Array.from(
    { length: 8 * 8 * 3 },
    (_, index) => (Math.floor(index / 3) % 8) * 10,
  );
  const histograms = cellHistograms(ramp, 8, 2);
  assert.equal(histograms.length, 4 * cellDim);
  for (let bin = 0; bin < 4 * cellDim; bin++) assert.equal(histograms[bin] > 0, bin % 9 === 0);
  const colours = cellColours(ramp, 8, 2);
  assert.ok(Math.abs(colours[0] - (15 / 255 - 0.5)) < 1e-6);
});
