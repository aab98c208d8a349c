/** A training as the command line runs and plans it. */
import type { Backend } from "../../backends/backend.ts";
import type { DownloadOptions } from "../../checkpoints/hub/download.ts";
import type { ConfigOf, Task } from "../../methods/mod.ts";
import type { Communicator } from "../../distributed/communicator.ts";
import type { RunListener } from "../../pipeline/engine/events.ts";
import type {
  MeasureWholeOptions,
  RunPlan,
  WholeMeasurement,
  WholePlan,
} from "../../pipeline/engine/method.ts";
import type { RunHook } from "../../pipeline/engine/recording/hooks.ts";
import type { RunLength } from "../screen/run_length.ts";

/** How a task is to be run; part of its options. */
export interface TaskOptions {
  /** Default: what the config says. */
  readonly backend?: Backend;
  readonly directory: string | null;
  readonly resume: "auto" | "always";
  readonly listener: RunListener;
  readonly hooks: readonly RunHook[];
  readonly signal: AbortSignal;
  readonly communicator: Communicator;
  readonly origins: ReadonlyMap<string, string>;
  readonly memoryBudgetBytes?: number;
  readonly memoryLimitBytes?: number;
  readonly profiles: boolean;
  readonly downloads: DownloadOptions;
}

/** What every task returns. */
export interface TaskOutcome {
  readonly step: number;
  /** Steps in the whole schedule. */
  readonly scheduleSteps?: number;
  readonly interrupted: boolean;
  readonly directory: string | null;
  /** Where `evaluation.stop` ended the run, which has already reported it. */
  readonly stoppedEarly?: object | null;
}

/** A task, as a command needs it. */
export interface TaskRunner<T extends Task> {
  readonly task: T;
  run(config: ConfigOf<T>, options: TaskOptions): Promise<TaskOutcome>;
  /** What `--dry-run` shows besides its measurements: nested names and figures. */
  plan(
    config: ConfigOf<T>,
    options: Pick<TaskOptions, "memoryBudgetBytes" | "downloads">,
  ): Promise<RunPlan | WholePlan>;
  /** See `ListedMethod.measureWhole`; for a task whose plan has no steps. */
  measureWhole?(
    config: ConfigOf<T>,
    options: MeasureWholeOptions,
  ): Promise<WholeMeasurement | null>;
  /** The config of a run that is only its steps, to measure them; default: the config itself. */
  stepsOnly?(config: ConfigOf<T>): Promise<ConfigOf<T>>;
  /** The result in words, one line each: a table, its length and time, where it is. */
  describe(
    outcome: TaskOutcome,
    length: RunLength,
  ): readonly string[] | Promise<readonly string[]>;
}
