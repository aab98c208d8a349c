/** What the page and the worker that trains tell each other. @module */

import type { GivenFile } from "../../checkpoints/store/given_files.ts";
import type { BackendName } from "../../backends/mod.ts";
import type { StepMetrics } from "../../pipeline/engine/events.ts";
import type { EvaluationRecord } from "../../report/run_plots.ts";

/** What the user chose for a new run. */
export interface TrainingChoice {
  /** Steps of the whole schedule. */
  readonly steps: number;
  readonly batchSize: number;
  /** Steps between saves. */
  readonly saveSteps: number;
  /** Steps between measurements of k-NN. */
  readonly knnSteps: number;
  /** Pictures to train on; null: the bundled clothes. */
  readonly pictures: readonly GivenFile[] | null;
  /** Weights to start from: a file, or a run's folder; null: random ones. */
  readonly weights: readonly GivenFile[] | null;
}

/** A run as it was last saved. */
export interface SavedRun {
  /** Completed steps. */
  readonly step: number;
  /** Steps of the whole schedule. */
  readonly totalSteps: number;
  readonly isFinished: boolean;
  readonly metrics: readonly StepMetrics[];
  readonly evaluations: readonly EvaluationRecord[];
}

/** From the page. */
export type TrainingRequest =
  /** Always the first: look for a saved run. */
  | { readonly type: "open" }
  | { readonly type: "start"; readonly choice: TrainingChoice; readonly backend: BackendName }
  | { readonly type: "goOn"; readonly backend: BackendName }
  /** After the current step. */
  | { readonly type: "stop" }
  /** The weights of the last save as a safetensors file. */
  | { readonly type: "takeWeights" }
  /** Removes the saved run with its pictures. */
  | { readonly type: "discard" };

/** From the worker. */
export type TrainingNews =
  /** `unsaved`: why the browser keeps nothing; null if it does. */
  | { readonly type: "opened"; readonly run: SavedRun | null; readonly unsaved: string | null }
  /** `run`: what it goes on from; null for a new one. */
  | { readonly type: "begun"; readonly run: SavedRun | null; readonly totalSteps: number }
  | { readonly type: "step"; readonly metrics: StepMetrics }
  | ({ readonly type: "evaluation" } & EvaluationRecord)
  /** Work other than steps; `total` null if unknown. */
  | { readonly type: "progress"; readonly what: string; readonly share: number | null }
  | { readonly type: "note"; readonly message: string }
  /** The browser has everything up to this step. */
  | { readonly type: "saved"; readonly step: number }
  /** The browser refused to keep something: training goes on. */
  | { readonly type: "unsaved"; readonly reason: string }
  | { readonly type: "ended"; readonly step: number; readonly isFinished: boolean }
  | { readonly type: "weights"; readonly file: GivenFile }
  | { readonly type: "discarded" }
  /** What was asked for could not be done; one line. */
  | { readonly type: "failed"; readonly message: string };
