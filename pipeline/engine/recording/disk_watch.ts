import { freeDiskBytes } from "../../../checkpoints/store/disk_space.ts";
import type { Config } from "../../../configs/schema.ts";
import type { RunListener } from "../events.ts";

const inMegabytes = (bytes: number) => `${Number((bytes / 1e6).toPrecision(3))} MB`;

/** Warns once where the disk has room for fewer further checkpoints than `guard.spareCheckpoints`. */
export class DiskWatch {
  readonly #config: Pick<Config, "guard" | "checkpoint">;
  readonly #directory: string | null;
  readonly #listener: RunListener;
  #isRaised = false;

  /** @param directory of the run; null keeps nothing on any disk */
  constructor(
    config: Pick<Config, "guard" | "checkpoint">,
    directory: string | null,
    listener: RunListener,
  ) {
    this.#config = config;
    this.#directory = directory;
    this.#listener = listener;
  }

  /** Looks at the disk, before the next checkpoint of so many bytes. */
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
        `${inMegabytes(checkpointBytes)}, written beside the old ones: free some space, lower ` +
        `checkpoint.keepLast (${checkpoint.keepLast}), or save less often`,
    });
  }
}
