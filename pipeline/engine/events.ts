/**
 * What happens in a run, as typed events: the progress line, the metrics log, the report and the
 * user's own logger all listen to the same stream.
 *
 * @module
 */

/** The numbers of one step; each task adds its own keys (`loss1`, `codebookUsage`, …). */
export interface StepMetrics {
  /** Optimizer steps done, from 1. */
  step: number;
  /** Passes over the data done, fractional. */
  epoch: number;
  loss: number;
  learningRate: number;
  lossScale: number;
  /** Global norm before clipping; absent numbers (`null`) where the step was skipped. */
  gradNorm: number | null;
  /** Whether the step was skipped for a non-finite gradient under mixed precision. */
  skipped: boolean;
  imagesPerSecond: number;
  /** Seconds spent waiting for data. */
  dataTime: number;
  /** Seconds of the whole step. */
  stepTime: number;
  /** Seconds by stage; those of the workers count their own time, which overlaps the step. */
  stages: Record<string, number>;
  [key: string]: number | boolean | null | Record<string, number>;
}

/** What a warning is about; each kind of a run's own health is raised once. */
export type WarningKind =
  /** An image was left out, `data.onError: skip`. */
  | "unreadableImage"
  /** A hook of the user's failed, or was too slow. */
  | "hook"
  /** Something of the run's record (report, events) could not be written. */
  | "record"
  /** A checkpoint with a flaw was passed over. */
  | "brokenCheckpoint"
  /** An evaluation that the config asks for cannot be made. */
  | "noEvaluation"
  /** The memory did not suffice, and fewer images are taken at a time. */
  | "memory"
  /** The images have few tokens for each code. */
  | "codebookSize"
  /** Less of the codebook is in use than `codebook.usageAlarm`. */
  | "codebookCollapse"
  /** The loss has found no new low for `guard.stalledSteps`. */
  | "stalledLoss"
  /** Steps wait for images for more than `guard.starvedShare` of their time. */
  | "dataStarvation"
  /** The ranks' parameters were not the same bit for bit. */
  | "ranksDiffer"
  /** The disk has room for fewer than `guard.spareCheckpoints` checkpoints. */
  | "diskSpace";

/** One event of a run. */
export type RunEvent =
  | {
    type: "start";
    totalSteps: number;
    /** Steps of the whole schedule: more than `totalSteps` where `schedule.maxSteps` cuts it. */
    scheduleSteps?: number;
    /** Images that the evaluation after the last step passes through a model. */
    finalImages?: number;
    /** Steps done already: 0, or those of the checkpoint that the run goes on from. */
    step: number;
    directory: string | null;
    /** The resolved config of the run. */
    config?: Readonly<Record<string, unknown>>;
  }
  | { type: "step"; totalSteps: number; metrics: StepMetrics }
  | {
    type: "epoch";
    /** Whole passes over the data that are done, from 1. */
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
    /** Who is taken for whom, of few classes: counts by true class (row) and predicted class. */
    confusion?: {
      readonly classes: readonly string[];
      readonly counts: readonly (readonly number[])[];
    };
  }
  | {
    type: "note";
    message: string;
    /** What is written down with it and not shown. */
    detail?: string;
  }
  | {
    /** How far some long work other than a step has come; shown, and not written down. */
    type: "progress";
    /** The work in words: `Evaluating: k-NN features`. */
    what: string;
    /** Items (images, files, bytes, …) that are done; `total` when the work is. */
    done: number;
    /** All items, or null where nobody knows. */
    total: number | null;
    /** What is counted, where that is not whole things. */
    unit?: "bytes";
  }
  | {
    type: "warning";
    kind: WarningKind;
    message: string;
    /** The file that was left out, where the warning is about one. */
    file?: { readonly id: string; readonly reason: string };
  }
  | {
    type: "done";
    step: number;
    /** Whether a signal ended the run. */
    interrupted: boolean;
    /** Steps of the whole schedule: more than `step` where `maxSteps` or a stop cut the run short. */
    scheduleSteps?: number;
    /** Where `evaluation.stop` ended it: which figure no longer rose, and the best of it. */
    stoppedEarly?: {
      readonly metric: string;
      readonly best: { readonly step: number; readonly value: number };
      readonly patience: number;
    } | null;
  };

/** Receives the events of a run, in order; must not throw. */
export type RunListener = (event: RunEvent) => void;
