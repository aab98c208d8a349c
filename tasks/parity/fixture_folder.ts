/**
 * A folder of golden numbers: `<name>.json` with settings and `<name>.safetensors` with tensors.
 *
 * @module
 */

import type { NamedValues } from "../../models/parameter_set.ts";

/** Where the comparison reads from: a folder on disk, or files fetched by a page. */
export interface FixtureFolder {
  /** Names of the files, with their endings. */
  readonly files: readonly string[];
  /** Parses a `.json` file. */
  json(file: string): Promise<unknown>;
  /** All tensors of a `.safetensors` file as float32; whole numbers below 2²⁴ stay exact. */
  tensors(file: string): Promise<ReadonlyMap<string, NamedValues>>;
}
