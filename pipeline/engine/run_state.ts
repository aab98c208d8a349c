/**
 * What a checkpoint's `state.json` holds besides its tensors.
 *
 * @module
 */

import type { LogPositions } from "../../checkpoints/store/run_directory.ts";
import type { JsonValue } from "../../checkpoints/store/store.ts";
import type { Computation } from "./computing/computation.ts";
import type { StepMetrics } from "./events.ts";
import type { DataPrint } from "./resuming/data_print.ts";

/** The state of a run. Optional fields are missing from checkpoints of version 0.1. */
export interface RunState {
  readonly task: string;
  /** The method's name, unless it is mimic's own for the task. */
  readonly method?: string;
  readonly configHash: string;
  readonly seed: number;
  readonly model: JsonValue;
  /** Whether the schedule was completed. */
  readonly finished: boolean;
  /** What the run was computed with; a resumed run keeps it where it can. */
  readonly computation?: Computation;
  /** Images per forward pass on one rank. */
  readonly microBatch?: number;
  /** The images that the run trains on. */
  readonly data?: DataPrint;
  /** How far the logs went when the checkpoint was saved. */
  readonly logs?: LogPositions;
  /** The last step's metrics. */
  readonly metrics?: Readonly<Record<string, number>>;
}

/** What all ranks know about the checkpoint to resume from. */
export interface ResumedRun {
  readonly step: number;
  readonly directory: string;
  readonly state: RunState;
  /** `result.json`, if the run was finished. */
  readonly result: object | null;
}

/** The numbers of a step that a checkpoint keeps. */
export function keptMetrics(metrics: StepMetrics | null): Record<string, number> {
  const numbers = Object.entries(metrics ?? {}).filter((entry): entry is [string, number] =>
    Number.isFinite(entry[1])
  );
  return Object.fromEntries(numbers);
}
