/** The studio's worker, as the page sees it: it can be started again on another backend. @module */

/// <reference lib="dom" />

import type { BackendName } from "../../backends/mod.ts";
import type { GivenFile } from "../../checkpoints/store/given_files.ts";
import { callWorker, type Remote } from "../studio/calls.ts";
import type { StudioFunctions } from "../studio/studio_worker.ts";
import type { BackendFacts, LoadedFacts, ModelFacts, TokenizerFacts } from "../studio/views.ts";

/** See the module comment. */
export class StudioThread {
  backend: BackendFacts | null = null;
  tokenizer: TokenizerFacts | null = null;
  model: ModelFacts | null = null;
  #worker: Worker | null = null;
  #studio: Remote<StudioFunctions> | null = null;
  /** What was loaded, for another start. */
  readonly #files = new Map<LoadedFacts["loaded"], readonly GivenFile[]>();

  /** The worker's functions, which it answers in order; calls before it has started wait. */
  get studio(): Remote<StudioFunctions> {
    if (this.#studio === null) throw new Error("start() comes first");
    return this.#studio;
  }

  /** Starts a worker in place of the one that runs; rejects if the backend does not start. */
  async start(backend: BackendName): Promise<void> {
    this.#worker?.terminate();
    this.#worker = new Worker("studio_worker.js", { type: "module" });
    this.#studio = callWorker(this.#worker);
    const started = await this.#studio.start(backend);
    [this.backend, this.tokenizer, this.model] = [started.backend, started.tokenizer, null];
  }

  /** Takes a model or a tokenizer from files. */
  async load(files: readonly GivenFile[]): Promise<void> {
    const { tokenizer, model, loaded } = await this.studio.load(files);
    // A model may bring its tokenizer: the order counts.
    this.#files.delete(loaded);
    this.#files.set(loaded, files);
    [this.tokenizer, this.model] = [tokenizer, model];
  }

  /** After a new start: loads what was loaded before. */
  async loadAgain(): Promise<void> {
    for (const files of [...this.#files.values()]) await this.load(files);
  }
}
