/**
 * What a checkpoint's `state.json` holds beside its tensors.
 *
 * @module
 */

import type { LogPositions } from "../../checkpoints/store/run_directory.ts";
import type { JsonValue } from "../../checkpoints/store/store.ts";
import type { StepMetrics } from "./events.ts";
import type { DataPrint } from "./resuming/data_print.ts";

/** State of a run. What is optional is not in checkpoints of version 0.1. */
export interface RunState {
  readonly task: string;
  /** The method's name, where it is not mimic's own of the task. */
  readonly method?: string;
  readonly configHash: string;
  readonly seed: number;
  readonly model: JsonValue;
  /** Whether the schedule was done. */
  readonly finished: boolean;
  /** Images of one forward pass, of one rank. */
  readonly microBatch?: number;
  /** The images that the run learns from. */
  readonly data?: DataPrint;
  /** How far the logs went before the checkpoint was saved. */
  readonly logs?: LogPositions;
  /** The last step's figures. */
  readonly metrics?: Readonly<Record<string, number>>;
}

/** What all ranks know of the checkpoint to go on from. */
export interface ResumedRun {
  readonly step: number;
  readonly directory: string;
  readonly state: RunState;
  /** `result.json`, where the run was done. */
  readonly result: object | null;
}

/** The numbers of a step that a checkpoint keeps. */
export function keptMetrics(metrics: StepMetrics | null): Record<string, number> {
  const numbers = Object.entries(metrics ?? {}).filter((entry): entry is [string, number] =>
    Number.isFinite(entry[1])
  );
  return Object.fromEntries(numbers);
}
