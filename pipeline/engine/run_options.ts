/**
 * How to run a method; everything that decides the numbers is in its config instead.
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
  /** Where to compute; default: what `config.backend` says, started and disposed by the run. */
  readonly backend?: Backend;
  /** The run's directory; null keeps nothing on disk. Default: the config's `output`. */
  readonly directory?: string | null;
  /**
   * What to do with a run that the directory holds: `auto` goes on where it was interrupted and
   * refuses a finished one, `always` goes on from its last checkpoint, and there must be one.
   */
  readonly resume?: "auto" | "always";
  /** Receives the run's events; a part of the program: what it throws ends the run. */
  readonly listener?: RunListener;
  /** Receive them too, as guests: what they throw becomes a warning; see {@link RunHook}. */
  readonly hooks?: readonly RunHook[];
  /** Ends the run after the current step, saved. */
  readonly signal?: AbortSignal;
  /** Where each config value came from, for `config.json`. */
  readonly origins?: ReadonlyMap<string, string>;
  /** Memory that the micro-batch may be chosen for, bytes; default 8 GiB. */
  readonly memoryBudgetBytes?: number;
  /** Memory that there is at all, bytes: a run on the host whose plan takes more is not begun. */
  readonly memoryLimitBytes?: number;
  /** Measures a few steps and keeps `profile.txt` and `trace.json` in the run's directory. */
  readonly profiles?: boolean;
  /** The most images of a micro-batch that is chosen; see `smaller_micro_batches.ts`. */
  readonly mostMicroBatch?: number;
  /** Told the micro-batch when it is known. */
  readonly onMicroBatch?: (images: number) => void;
  /** The processes that share the run; default this one alone. Rank 0 alone writes and tells. */
  readonly communicator?: Communicator;
  /** How weights that a config names by a model card are fetched. */
  readonly downloads?: DownloadOptions;
}

/**
 * Stages of the user's by the names of those that they replace, or a function that makes them of what
 * the method trains: a loss of one's own can so use the model's prediction head.
 */
export type StagesOf<Stages extends object, Parts extends object> =
  | Partial<Stages>
  | ((parts: Parts) => Partial<Stages>);

/** How to run a method whose stages can be exchanged. */
export interface MethodOptions<Stages extends object, Parts extends object> extends RunOptions {
  /** Stages of the user's in place of the ones they are named after; see {@link StagesOf}. */
  readonly stages?: StagesOf<Stages, Parts>;
  /** Images in place of those that `config.data` names. */
  readonly source?: Source;
}
