/** Whether images can teach classes. @module */

import { UserError } from "../../core/errors.ts";
import type { Source } from "../../data/source.ts";

/** Throws a `UserError` where a source has fewer than two classes. */
export function requireLabels(source: Source, name: string): void {
  if (source.classes.length >= 2) return;
  throw new UserError(`Cannot learn classes from "${name}": its images have no class labels`, {
    hint: "put each class into a folder of its own",
  });
}
