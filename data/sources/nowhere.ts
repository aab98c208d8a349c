/**
 * Paths that lead to nothing.
 *
 * @module
 */

/** Whether an error of the file system says that there is nothing: no file, a loose link, a circle. */
export function isNowhere(error: unknown): boolean {
  const { NotFound, NotADirectory, FilesystemLoop } = Deno.errors;
  return [NotFound, NotADirectory, FilesystemLoop].some((kind) => error instanceof kind);
}
