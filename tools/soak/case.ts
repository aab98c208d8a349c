/**
 * What the supervised process works on.
 *
 * @module
 */

import type { Generator } from "../../core/generator.ts";

/**
 * Runs one case; returns how it ended. Errors that the command line shows without a trace are endings; `about`
 * is called with a description of the case, for a finding.
 */
export type Case = (
  generator: Generator,
  index: number,
  about: (what: string) => void,
) => Promise<string>;
