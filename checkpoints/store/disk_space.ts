/**
 * How much space a disk has.
 *
 * @module
 */

import { statfsSync } from "node:fs";
import { messageOf, UserError } from "../../core/errors.ts";

/** Free bytes on the disk that holds a path; null if asking is not permitted or gives no answer. */
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

/** What to do about system errors that limit how much may be written. */
const remedies: readonly (readonly [error: RegExp, remedy: string])[] = [
  // No space on the device, or the quota is exceeded; 112 is Windows' code.
  [/os error (28|122|112)\b|ENOSPC|EDQUOT/, "free some space"],
  [/os error 27\b|EFBIG/, "allow larger files (ulimit -f), or write to another disk"],
];

/**
 * The error for something that could not be written, with a hint if the disk is full or a file may not grow.
 *
 * @param action what was being done, such as `save the checkpoint "x"`
 */
export function writeError(action: string, error: unknown): UserError {
  const reason = messageOf(error);
  const remedy = remedies.find(([pattern]) => pattern.test(reason))?.[1];
  const hint = remedy === undefined
    ? {}
    : { hint: `${remedy} and run the same command again: everything saved before is intact` };
  return new UserError(`Cannot ${action}: ${reason}`, { ...hint, cause: error });
}
