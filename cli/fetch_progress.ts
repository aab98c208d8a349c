/**
 * How far the first start has got with downloading libraries: Deno has a folder for each one that is present.
 * Nothing imported here needs downloading itself.
 */
import { libraryCache } from "../backends/webgpu/dawn/library_cache_ffi.ts";
import { isFolder } from "../checkpoints/path_kinds.ts";

interface Library {
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
}

const cpus: Readonly<Record<string, string>> = { x86_64: "x64", aarch64: "arm64" };
const systems: Readonly<Record<string, string>> = { windows: "win32" };

/**
 * Folders, below the registry's, of the libraries in a lock file that a machine needs.
 *
 * @example
 * ```ts
 * import { libraryFolders } from "./fetch_progress.ts";
 * const npm = { "sharp@1.2.3_x@2.0.0": {}, "other@1.0.0": { os: ["plan9"] } };
 * if (libraryFolders(npm, { os: "linux", arch: "x86_64" }).join() !== "sharp/1.2.3") throw new Error();
 * ```
 */
export function libraryFolders(
  npm: Readonly<Record<string, Library>>,
  { os, arch }: { readonly os: string; readonly arch: string },
): string[] {
  const takes = (names: readonly string[] | undefined, own: string) => names?.includes(own) ?? true;
  return Object.entries(npm)
    .filter(([, library]) =>
      takes(library.os, systems[os] ?? os) && takes(library.cpu, cpus[arch] ?? arch)
    )
    .map(([name]) => name.replace(/^(@?[^@]+)@([^_]+).*$/, "$1/$2"));
}

/** Share of the libraries that is present; null if unknown. */
export function fetchedShare(): number | null {
  try {
    const cache = libraryCache();
    if (cache === null) return null;
    const lock = Deno.readTextFileSync(new URL("../main.lock", import.meta.url));
    const folders = libraryFolders(JSON.parse(lock).npm, Deno.build);
    // There is one folder per registry; one is enough.
    const counts = [...Deno.readDirSync(cache)].map(({ name }) =>
      folders.filter((folder) => isFolder(`${cache}/${name}/${folder}`)).length
    );
    return Math.max(0, ...counts) / folders.length;
  } catch {
    return null;
  }
}

const barColumns = 16;

/** The line shown, in a given number of columns, while libraries are downloaded. */
export function fetchLine(seconds: number, share: number | null, columns: number): string {
  const words = `Fetching libraries, once: 140 MB on disk  ${seconds}s`;
  if (share === null) return words.slice(0, columns - 1);
  const full = Math.round(share * barColumns);
  const bar = "━".repeat(full) + "─".repeat(barColumns - full);
  return `${bar}  ${String(Math.floor(100 * share)).padStart(3)} %  ${words}`.slice(0, columns - 1);
}
