/**
 * What happens in a run, as typed events: the progress line, the metrics log, the report and the
 * user's logger all listen to the same stream.
 *
 * @module
 */

/** The numbers of one step; each task adds its own keys (`loss1`, `codebookUsage`, …). */
export interface StepMetrics {
  /** Completed optimizer steps, from 1. */
  step: number;
  /** Completed passes over the data, fractional. */
  epoch: number;
  /** The training loss, averaged over the step's images. */
  loss: number;
  /** The learning rate of the update, before layer-wise factors. */
  learningRate: number;
  /** The factor that the loss was scaled by; 1 in float32. */
  lossScale: number;
  /** Global norm before clipping; `null` if the step was skipped. */
  gradNorm: number | null;
  /** Whether the step was skipped because of a non-finite gradient under mixed precision. */
  skipped: boolean;
  /** Images of all ranks, divided by `stepTime`. */
  imagesPerSecond: number;
  /** Seconds spent waiting for data. */
  dataTime: number;
  /** Seconds of the whole step. */
  stepTime: number;
  /** Seconds per stage; the workers' stages count their own time, which overlaps the step. */
  stages: Record<string, number>;
  /** A task's own numbers. */
  [key: string]: number | boolean | null | Record<string, number>;
}

/** What a warning is about; each kind that concerns a run's health is raised once. */
export type WarningKind =
  /** An image was skipped, `data.onError: skip`. */
  | "unreadableImage"
  /** A user's hook failed, or was too slow. */
  | "hook"
  /** Part of the run's record (report, events) could not be written. */
  | "record"
  /** A flawed checkpoint was passed over. */
  | "brokenCheckpoint"
  /** An evaluation that the config asks for is not possible. */
  | "noEvaluation"
  /** Memory ran out, and fewer images are processed at a time. */
  | "memory"
  /** The images give few tokens per code. */
  | "codebookSize"
  /** Less of the codebook is in use than `codebook.usageAlarm`. */
  | "codebookCollapse"
  /** The loss has found no new low for `guard.stalledSteps`. */
  | "stalledLoss"
  /** Steps spend more than `guard.starvedShare` of their time waiting for images. */
  | "dataStarvation"
  /** The ranks' parameters were not bitwise identical. */
  | "ranksDiffer"
  /** A resumed run continues with other kernels, or in another number format. */
  | "otherComputation"
  /** The disk has room for fewer than `guard.spareCheckpoints` checkpoints. */
  | "diskSpace";

/** One event of a run. */
export type RunEvent =
  | {
    type: "start";
    totalSteps: number;
    /** Steps of the whole schedule: more than `totalSteps` if `schedule.maxSteps` cuts it short. */
    scheduleSteps?: number;
    /** Images that the evaluation after the last step passes through a model. */
    finalImages?: number;
    /** Steps already done: 0, or those of the checkpoint that the run resumes from. */
    step: number;
    directory: string | null;
    /** The resolved config of the run. */
    config?: Readonly<Record<string, unknown>>;
  }
  | { type: "step"; totalSteps: number; metrics: StepMetrics }
  | {
    type: "epoch";
    /** Completed passes over the data, from 1. */
    epoch: number;
    step: number;
  }
  | { type: "checkpoint"; step: number; path: string }
  | {
    type: "evaluation";
    step: number;
    /** What was evaluated: `features`, `untrained`, `classifier`, … */
    name: string;
    result: Record<string, number>;
    /** Confusion matrix, for few classes: counts by true class (row) and predicted class (column). */
    confusion?: {
      readonly classes: readonly string[];
      readonly counts: readonly (readonly number[])[];
    };
  }
  | {
    type: "note";
    message: string;
    /** Recorded along with it but not shown. */
    detail?: string;
  }
  | {
    /** Progress of long work other than steps; shown but not recorded. */
    type: "progress";
    /** The work in words: `Evaluating: k-NN features`. */
    what: string;
    /** Completed items (images, files, bytes, …); equals `total` when the work is finished. */
    done: number;
    /** All items, or null if unknown. */
    total: number | null;
    /** What is counted, unless it is whole items. */
    unit?: "bytes";
  }
  | {
    type: "warning";
    kind: WarningKind;
    message: string;
    /** The skipped file, if the warning is about one. */
    file?: { readonly id: string; readonly reason: string };
  }
  | {
    type: "done";
    step: number;
    /** Whether a signal ended the run. */
    interrupted: boolean;
    /** Steps of the whole schedule: more than `step` if `maxSteps` or early stopping cut the run short. */
    scheduleSteps?: number;
    /** Set if `evaluation.stop` ended it: which metric no longer improved, and its best value. */
    stoppedEarly?: {
      readonly metric: string;
      readonly best: { readonly step: number; readonly value: number };
      readonly patience: number;
    } | null;
  };

/** Receives a run's events in order; must not throw. */
export type RunListener = (event: RunEvent) => void;
