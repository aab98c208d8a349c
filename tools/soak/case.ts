/**
 * What the watched process works on.
 *
 * @module
 */

import type { Generator } from "../../core/generator.ts";

/**
 * Does one case; gives how it ended. Errors that the command line shows without a trace are endings;
 * `about` is told what the case is, for a finding.
 */
export type Case = (
  generator: Generator,
  index: number,
  about: (what: string) => void,
) => Promise<string>;
