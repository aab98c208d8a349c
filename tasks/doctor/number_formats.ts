/** Which number format `precision: auto` takes on a backend, for models of two sizes. @module */

import type { Backend, Precision } from "../../backends/backend.ts";
import type { MeasurementStore } from "../../core/measurement_store.ts";
import {
  fastestFormat,
  type FormatTimes,
  formatTimes,
} from "../../pipeline/engine/computing/choose_precision.ts";
import {
  stepSample,
  type TimeStep,
  type TransformerSizes,
  usualSizes,
} from "../../pipeline/engine/computing/time_step.ts";

const samples: readonly { model: string; sizes: TransformerSizes; images: number }[] = [
  {
    model: "quick start, batch 16",
    sizes: { imageSize: 32, patchSize: 4, embedDim: 128, heads: 4, mlpRatio: 4 },
    images: 16,
  },
  { model: "ViT-S/16, batch 8", sizes: usualSizes, images: 8 },
];

/** What was measured for one model, and what follows. */
export interface FormatReport {
  readonly model: string;
  /** Milliseconds of a block's forward and backward pass. */
  readonly milliseconds: FormatTimes;
  /** What `precision: auto` takes. */
  readonly auto: Precision;
}

/** The choices for all models; empty if there is nothing to choose. */
export async function measureFormats(
  backend: Backend,
  measurements: MeasurementStore,
  time?: TimeStep,
): Promise<FormatReport[]> {
  const { kernels, reducedPrecisions } = backend.capabilities;
  if (kernels === undefined || reducedPrecisions.length === 0) return [];
  const formats: Precision[] = ["float32", ...reducedPrecisions];
  const reports: FormatReport[] = [];
  for (const { model, sizes, images } of samples) {
    const sample = stepSample(sizes, images);
    const situation = { backend, sample, measurements, ...(time === undefined ? {} : { time }) };
    const milliseconds = await formatTimes(formats, situation);
    reports.push({ model, milliseconds, auto: fastestFormat(milliseconds) });
  }
  return reports;
}
