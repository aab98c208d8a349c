/** The line that says how long a run was. */
import { plural } from "../../core/number_formats.ts";
import { formatDuration } from "./progress.ts";

/** How long a run was. */
export interface RunLength {
  /** The step after which this process started: 0 for a new run; null if there was nothing left to do. */
  readonly from: number | null;
  /** Seconds that this process took. */
  readonly seconds: number;
}

/** `Trained for 1200 steps in 2m 10s`; for a resumed run, which of them took that long. */
export function describeLength(work: string, step: number, { from, seconds }: RunLength): string {
  // Some tokenizers are made at once.
  if (step === 0) return `Done in ${formatDuration(seconds)}`;
  const steps = `${work} for ${step} ${plural(step, "step")}`;
  if (from === null) return steps;
  const part = from > 0 ? `, the last ${step - from} of them` : "";
  return `${steps}${part} in ${formatDuration(seconds)}`;
}
