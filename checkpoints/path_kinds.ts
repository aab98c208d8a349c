/** What is at a path. Whatever is wrong with it, opening it reports. @module */

function statusOf(path: string): Deno.FileInfo | null {
  try {
    return Deno.statSync(path);
  } catch {
    return null;
  }
}

/** Whether a path exists. */
export const exists = (path: string): boolean => statusOf(path) !== null;

/** Whether a path is a file. */
export const isFile = (path: string): boolean => statusOf(path)?.isFile ?? false;

/** Whether a path is a folder. */
export const isFolder = (path: string): boolean => statusOf(path)?.isDirectory ?? false;
