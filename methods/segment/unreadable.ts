/**
 * Handling of unreadable images where segmentation reads whole images itself.
 *
 * @module
 */

import type { SegmentConfig } from "./config.ts";
import { messageOf, UserError } from "../../core/errors.ts";
import type { RunListener } from "../../pipeline/engine/events.ts";

/** Skips unreadable images or throws, as `data.onError` and `data.maxSkipped` tell the loader. */
export class UnreadableImages {
  readonly #data: SegmentConfig["data"];
  readonly #listener: RunListener;
  readonly #skipped = new Set<string>();

  constructor(data: SegmentConfig["data"], listener: RunListener) {
    this.#data = data;
    this.#listener = listener;
  }

  /**
   * What `read` returns, or null if it fails and may.
   *
   * @throws UserError if it may not fail, or too many have
   */
  async attempt<T>(id: string, read: () => Promise<T>): Promise<T | null> {
    try {
      return await read();
    } catch (error) {
      const { onError, maxSkipped } = this.#data;
      const message = messageOf(error);
      if (onError === "raise") {
        throw new UserError(message, {
          hint: "skip such files with --set data.onError=skip",
          cause: error,
        });
      }
      if (!this.#skipped.has(id)) {
        this.#skipped.add(id);
        this.#listener({
          type: "warning",
          kind: "unreadableImage",
          message: `Skipped an image: ${message}`,
          file: { id, reason: message },
        });
      }
      if (this.#skipped.size <= maxSkipped) return null;
      throw new UserError(
        `Cannot continue: more than data.maxSkipped=${maxSkipped} files failed, the last: ${message}`,
        { hint: `allow more with --set data.maxSkipped=${2 * maxSkipped + 100}`, cause: error },
      );
    }
  }
}
