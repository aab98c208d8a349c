/** The multi-process job that a command is part of, and how all of it ends when one process fails. */
import type { Communicator } from "../../distributed/communicator.ts";
import { findLaunch } from "../../distributed/mpi/launch_ffi.ts";
import {
  type CommunicatorOptions,
  openCommunicator,
} from "../../distributed/mpi/open_communicator_ffi.ts";

/**
 * How long a failing rank waits, so that only one of many with the same error reports it: launchers kill the
 * others a second or so after the first has ended, and ranks do not fail at the same moment.
 */
const secondsToBeTold = 3;
const secondsBetweenRanks = 0.1;

/** The rank that a launcher assigned to this process, before asking any library; 0 if it is alone. */
function launchRank(): number {
  try {
    return findLaunch()?.rank ?? 0;
  } catch {
    // Joining reports what is wrong.
    return 0;
  }
}

/** Joined by the commands that can share their work, ended by the program. */
export class Job {
  /** This process's rank according to the launcher. */
  readonly rank = launchRank();
  #communicator: Communicator | null = null;

  /** Joins the other processes, once. */
  async join(options: CommunicatorOptions): Promise<Communicator> {
    return this.#communicator ??= await openCommunicator(options);
  }

  /** Leaves in an orderly way; all ranks must. */
  async leave(): Promise<void> {
    await this.#communicator?.close();
  }

  /**
   * Ends all ranks. `tell` reports why and returns the exit code; rank 0 does so immediately, another only if
   * rank 0, which may have failed in the same way, has not ended the job by then.
   */
  async fail(tell: () => number): Promise<number> {
    if (this.rank > 0) {
      const seconds = secondsToBeTold + secondsBetweenRanks * Math.min(this.rank, 100);
      await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
    }
    const code = tell();
    this.#communicator?.abort(code);
    return code;
  }
}
