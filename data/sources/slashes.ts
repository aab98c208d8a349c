/** Paths of users on Windows. @module */

/**
 * A path with forward slashes only, which Windows takes too; elsewhere the path as it is, since there a
 * backslash may be part of a name.
 */
export function forwardSlashes(path: string): string {
  return Deno.build.os === "windows" ? path.replaceAll("\\", "/") : path;
}
