/**
 * Removes from `main.lock` what Deno would download but could not load: sharp's binaries for musl, 20 MB, which
 * it fetches along with those for glibc because it only looks at system and processor. There is no Deno for
 * musl. Part of `deno task lock`.
 *
 * @module
 */

/** Whether a package is native code for Linux' other C library. */
export function isForMusl(name: string): boolean {
  return /linuxmusl/.test(name);
}

/** The text of a lock file without the packages for musl, otherwise as Deno wrote it. */
export function withoutMusl(text: string): string {
  const trimmed = text
    .replaceAll(/^ {4}"[^"\n]*linuxmusl[^"\n]*": \{\n(?: {6}.*\n)* {4}\},?\n/gm, "")
    .replaceAll(/^ {8}"[^"\n]*linuxmusl[^"\n]*",?\n/gm, "");
  // Whatever the places of commas were, what is left must be JSON.
  JSON.parse(trimmed);
  return trimmed;
}

if (import.meta.main) {
  Deno.writeTextFileSync("main.lock", withoutMusl(Deno.readTextFileSync("main.lock")));
}
