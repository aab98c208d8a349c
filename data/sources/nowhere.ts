/**
 * Paths that lead nowhere.
 *
 * @module
 */

/** Whether a file system error means that nothing is there: no file, a dangling link, a cycle. */
export function isNowhere(error: unknown): boolean {
  const { NotFound, NotADirectory, FilesystemLoop } = Deno.errors;
  return [NotFound, NotADirectory, FilesystemLoop].some((kind) => error instanceof kind);
}
