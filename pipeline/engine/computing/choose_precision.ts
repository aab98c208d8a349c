/**
 * The number format of a run.
 *
 * @module
 */

import type { Backend, Precision } from "../../../backends/backend.ts";
import { UserError } from "../../../core/errors.ts";
import { keptOrMeasured, type MeasurementStore } from "../../../core/measurement_store.ts";
import type { RunListener } from "../events.ts";
import type { Computation } from "./computation.ts";
import { type StepSample, type TimeStep, timeStep } from "./time_step.ts";

/** A reduced format must make a step this much faster: less may be noise. */
const leastGain = 1.05;

/** What decides besides the config. */
export interface PrecisionSituation {
  readonly backend: Backend;
  /** Stands for a step of the model. */
  readonly sample: StepSample;
  /** What a run that is resumed computed with; null for a new one. */
  readonly before: Computation | null;
  readonly measurements: MeasurementStore;
  readonly listener: RunListener;
  /** Replaced in tests. */
  readonly time?: TimeStep;
}

/**
 * The format that a config's `precision` stands for. `auto` keeps that of a resumed run; for a new one it
 * takes a reduced format only where a step was measured to be faster with it.
 *
 * @throws UserError if `amp` is wanted and there is no reduced format
 */
export async function choosePrecision(
  wanted: "auto" | "amp" | "float32",
  situation: PrecisionSituation,
): Promise<Precision> {
  if (wanted === "float32") return "float32";
  const { backend, before, listener } = situation;
  const { reducedPrecisions, description, kernels } = backend.capabilities;
  const [reduced] = reducedPrecisions;
  if (wanted === "amp") {
    if (reduced !== undefined) return reduced;
    throw new UserError(
      `Cannot use mixed precision on ${backend.name}: ${description} has no reduced format`,
      { hint: "give --precision auto or float32" },
    );
  }
  const formats: Precision[] = ["float32", ...reducedPrecisions];
  if (before?.precision !== undefined && formats.includes(before.precision)) {
    return before.precision;
  }
  const chosen = await chooseNew(formats, situation, kernels?.key);
  if (before?.precision !== undefined) {
    const message = `The run was computed in ${before.precision}, which is not available here ` +
      `(${description}): continuing in ${chosen}, which rounds differently`;
    listener({ type: "warning", kind: "otherComputation", message });
  }
  return chosen;
}

async function chooseNew(
  formats: readonly Precision[],
  situation: PrecisionSituation,
  key: string | undefined,
): Promise<Precision> {
  const { backend, before, listener } = situation;
  if (formats.length === 1) {
    const message = `No reduced precision on ${backend.name}: running float32`;
    listener({ type: "note", message });
    return "float32";
  }
  // The reference backend only emulates reduced precision, slowly: it must be requested.
  if (backend.name === "reference") return "float32";
  // Runs of versions that did not record their format used a reduced one wherever there was one.
  const isOlder = before !== null && before.precision === undefined;
  if (isOlder || key === undefined) return formats[1];
  const times = await formatTimes(formats, situation);
  const chosen = fastestFormat(times);
  const list = Object.entries(times).map(([format, time]) => `${format} ${time.toPrecision(3)} ms`);
  listener({
    type: "note",
    message: `Computing in ${chosen}, by the time that a block takes`,
    detail: list.join(", "),
  });
  return chosen;
}

/** Milliseconds by format, float32 first. */
export type FormatTimes = Readonly<Partial<Record<Precision, number>>>;

/** What was measured of a sample before on such a processor with as many threads, or is now. */
export async function formatTimes(
  formats: readonly Precision[],
  { backend, sample, measurements, time = timeStep }: Omit<
    PrecisionSituation,
    "before" | "listener"
  >,
): Promise<FormatTimes> {
  const { kernels, threads } = backend.capabilities;
  const where = `${kernels?.key}, ${kernels?.provider}, ${threads} threads`;
  return await keptOrMeasured<FormatTimes>({
    key: `step, ${where}, ${formats}, ${JSON.stringify(sample)}`,
    read: (kept) => asTimes(kept, formats),
    measure: () => {
      const times = time(backend, sample, formats);
      return Object.fromEntries(formats.map((format, index) => [format, times[index]]));
    },
  }, measurements);
}

/** float32, unless another format is faster by {@link leastGain}: then the fastest. */
export function fastestFormat(times: FormatTimes): Precision {
  const [best, time] = (Object.entries(times) as [Precision, number][])
    .reduce((best, other) => other[1] < best[1] ? other : best);
  return time * leastGain < times.float32! ? best : "float32";
}

/** What was kept, if it is a time for each format: it comes from outside. */
function asTimes(kept: unknown, formats: readonly Precision[]): FormatTimes | null {
  if (typeof kept !== "object" || kept === null) return null;
  const times = kept as FormatTimes;
  if (!formats.every((format) => times[format]! > 0)) return null;
  return Object.fromEntries(formats.map((format) => [format, times[format]!]));
}
