/** What the page offers to the parts of it that do work of their own. @module */

import type { BackendName } from "../backends/mod.ts";

/** The rest of the page, for a section. */
export interface PlaygroundServices {
  /** What to compute on, as chosen at the top of the page. */
  backend(): Extract<BackendName, "auto" | "cpu" | "webgpu">;
  /**
   * Makes a model that of the page's other sections: the files of a run, or a single file of weights.
   * Rejects with the reason if they cannot be read.
   */
  useModel(files: readonly File[]): Promise<void>;
  /** Has screen readers say a short text; what changes often is not announced every time. */
  announce(text: string): void;
}
