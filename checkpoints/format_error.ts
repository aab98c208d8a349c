/** What is wrong inside a file, before the file's name is added. @module */

import { UserError } from "../core/errors.ts";

/** A file that violates its format; openers turn it into a `UserError`. */
export class FormatError extends Error {
  override name = "FormatError";
}

/** Rethrows a {@link FormatError} as `Cannot read "file": reason`. */
export function withFileName(file: string, error: unknown): unknown {
  return error instanceof FormatError
    ? new UserError(`Cannot read "${file}": ${error.message}`, { cause: error })
    : error;
}
