/**
 * How to run a method; everything that affects the numbers is in its config instead.
 *
 * @module
 */

import type { Backend } from "../../backends/backend.ts";
import type { DownloadOptions } from "../../checkpoints/hub/download.ts";
import type { Source } from "../../data/sources/source.ts";
import type { Communicator } from "../../distributed/communicator.ts";
import type { RunListener } from "./events.ts";
import type { RunHook } from "./recording/hooks.ts";

/** How to run a training. */
export interface RunOptions {
  /** Where to compute; default: what `config.backend` says, started and disposed of by the run. */
  readonly backend?: Backend;
  /** The run's directory; null writes nothing to disk. Default: the config's `output`. */
  readonly directory?: string | null;
  /**
   * What to do with a run already in the directory: `auto` resumes it if it was interrupted and
   * refuses if it is finished; `always` resumes from its last checkpoint, which must exist.
   */
  readonly resume?: "auto" | "always";
  /** Receives the run's events. It is part of the program: an error it throws ends the run. */
  readonly listener?: RunListener;
  /** Also receive the events, but an error they throw becomes a warning; see {@link RunHook}. */
  readonly hooks?: readonly RunHook[];
  /** Ends the run after the current step, with a checkpoint. */
  readonly signal?: AbortSignal;
  /** Where each config value came from, for `config.json`. */
  readonly origins?: ReadonlyMap<string, string>;
  /** Memory that the micro-batch may be chosen for, in bytes; default: 8 GiB. */
  readonly memoryBudgetBytes?: number;
  /** Total memory, in bytes: a run on the host whose plan needs more is refused. */
  readonly memoryLimitBytes?: number;
  /** Profiles a few steps and writes `profile.txt` and `trace.json` to the run's directory. */
  readonly profiles?: boolean;
  /** Upper limit for a micro-batch that is chosen automatically; see `smaller_micro_batches.ts`. */
  readonly mostMicroBatch?: number;
  /** Called with the micro-batch once it is known. */
  readonly onMicroBatch?: (images: number) => void;
  /** The processes that share the run; default: this one alone. Only rank 0 writes and reports. */
  readonly communicator?: Communicator;
  /** How to fetch weights that a config names by a model card. */
  readonly downloads?: DownloadOptions;
}

/**
 * The user's stages, by the names of the stages they replace, or a function that builds them from what the
 * method trains, so that a custom loss can use the model's prediction head.
 */
export type StagesOf<Stages extends object, Parts extends object> =
  | Partial<Stages>
  | ((parts: Parts) => Partial<Stages>);

/** How to run a method whose stages can be replaced. */
export interface MethodOptions<Stages extends object, Parts extends object> extends RunOptions {
  /** The user's stages, by the names of those they replace; see {@link StagesOf}. */
  readonly stages?: StagesOf<Stages, Parts>;
  /** Images to use instead of those that `config.data` names. */
  readonly source?: Source;
}
