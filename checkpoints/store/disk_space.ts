/**
 * How much room a disk has.
 *
 * @module
 */

import { statfsSync } from "node:fs";
import { messageOf, UserError } from "../../core/errors.ts";

/** Free bytes of the disk that holds a path; null where that may not be asked, or has no answer. */
export function freeDiskBytes(path: string): number | null {
  for (
    const descriptor of [
      { name: "sys", kind: "statfs" },
      { name: "read", path },
    ] as unknown as Deno.PermissionDescriptor[]
  ) {
    if (Deno.permissions.querySync(descriptor).state !== "granted") return null;
  }
  try {
    const { bavail, bsize } = statfsSync(path);
    return Number(bavail) * Number(bsize);
  } catch {
    return null;
  }
}

/** What to do about errors of the system that say how much may be written. */
const remedies: readonly (readonly [error: RegExp, remedy: string])[] = [
  // No space on the device, a quota that is used up; 112 is what Windows says.
  [/os error (28|122|112)\b|ENOSPC|EDQUOT/, "free some space"],
  [/os error 27\b|EFBIG/, "allow larger files (ulimit -f), or write to another disk"],
];

/**
 * The error for something that could not be written, with the way out where the disk is full or a file
 * may not grow.
 *
 * @param action what was being done, such as `save the checkpoint "x"`
 */
export function writeError(action: string, error: unknown): UserError {
  const reason = messageOf(error);
  const remedy = remedies.find(([pattern]) => pattern.test(reason))?.[1];
  const hint = remedy === undefined
    ? {}
    : { hint: `${remedy} and give the same command again: what was saved before is whole` };
  return new UserError(`Cannot ${action}: ${reason}`, { ...hint, cause: error });
}
