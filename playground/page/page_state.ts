/** What the parts of the page share. @module */

import type { Remote } from "../studio/calls.ts";
import type { StudioFunctions } from "../studio/studio_worker.ts";
import type { ModelFacts, TokenizerFacts } from "../studio/views.ts";

/** See the module comment. */
export interface PageState {
  /** The worker's functions. */
  studio: Remote<StudioFunctions>;
  tokenizer: TokenizerFacts;
  /** null before there is one. */
  model: ModelFacts | null;
  /** The pictures' names by their ids. */
  readonly names: ReadonlyMap<string, string>;
  /** Says in one line what went wrong; null takes it away. */
  readonly tell: (problem: unknown) => void;
}
