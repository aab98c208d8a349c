import { freeDiskBytes } from "../../../checkpoints/store/disk_space.ts";
import type { RunConfig } from "../../../configs/task.ts";
import type { RunListener } from "../events.ts";

const inMegabytes = (bytes: number) => `${Number((bytes / 1e6).toPrecision(3))} MB`;

/** Warns once if the disk has room for fewer than `guard.spareCheckpoints` more checkpoints. */
export class DiskWatch {
  readonly #config: Pick<RunConfig, "guard" | "checkpoint">;
  readonly #directory: string | null;
  readonly #listener: RunListener;
  #isRaised = false;

  /** @param directory the run's; null if nothing is written to disk */
  constructor(
    config: Pick<RunConfig, "guard" | "checkpoint">,
    directory: string | null,
    listener: RunListener,
  ) {
    this.#config = config;
    this.#directory = directory;
    this.#listener = listener;
  }

  /** Checks the disk before the next checkpoint, given its size in bytes. */
  look(checkpointBytes: number): void {
    const directory = this.#directory;
    if (directory === null || this.#isRaised) return;
    const { guard, checkpoint } = this.#config;
    const free = freeDiskBytes(directory);
    if (free === null || free >= guard.spareCheckpoints * checkpointBytes) return;
    this.#isRaised = true;
    this.#listener({
      type: "warning",
      kind: "diskSpace",
      message: `The disk of ${directory} has ${inMegabytes(free)} left, and a checkpoint takes ` +
        `${
          inMegabytes(checkpointBytes)
        }, written before old ones are removed: free some space, lower ` +
        `checkpoint.keepLast (${checkpoint.keepLast}), or save less often`,
    });
  }
}
