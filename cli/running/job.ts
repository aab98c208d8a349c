/** The job of several processes that a command is a part of, and how all of it ends when one fails. */
import type { Communicator } from "../../distributed/communicator.ts";
import { findLaunch } from "../../distributed/mpi/launch_ffi.ts";
import {
  type CommunicatorOptions,
  openCommunicator,
} from "../../distributed/mpi/open_communicator_ffi.ts";

/**
 * How long a rank that fails waits, so that of many with the same error one tells it: launchers kill the
 * others a second or so after the first has ended, and ranks do not fail at the same moment.
 */
const secondsToBeTold = 3;
const secondsBetweenRanks = 0.1;

/** The rank that a launcher gave this process, before any library is asked; 0 where it is alone. */
function launchRank(): number {
  try {
    return findLaunch()?.rank ?? 0;
  } catch {
    // Joining says what is wrong.
    return 0;
  }
}

/** Joined by the commands that know how to share their work, ended by the program. */
export class Job {
  /** This process, as the launcher counts. */
  readonly rank = launchRank();
  #communicator: Communicator | null = null;

  /** Joins the other processes, once. */
  async join(options: CommunicatorOptions): Promise<Communicator> {
    return this.#communicator ??= await openCommunicator(options);
  }

  /** Leaves in an orderly way: all ranks do. */
  async leave(): Promise<void> {
    await this.#communicator?.close();
  }

  /**
   * Ends all ranks. `tell` says why and gives the exit code; rank 0 does so at once, another only if
   * rank 0, which may have failed alike, has not ended the job by then.
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
