/**
 * Takes out of `main.lock` what Deno would download and could not load: sharp's binaries for musl, 20 MB,
 * which it fetches beside those for glibc since it looks at system and processor only. There is no Deno
 * for musl. A part of `deno task lock`.
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
