/**
 * Dawn, Chromium's WebGPU, from npm's `webgpu` (MIT), with binaries for five platforms. At 51 MB, it is
 * named by a computed specifier, so that it is downloaded with its first use and nobody else waits for it.
 *
 * @module
 */

/** What the package exports. */
export interface Dawn {
  /** A `navigator.gpu`; options are Dawn's, as `name=value`. */
  create(options: readonly string[]): GPU;
  /** Its own `GPUBuffer`, `GPUQueue` and so on, which are not the runtime's. */
  readonly globals: Readonly<Record<string, unknown>>;
}

/** Where it lies in a cache of npm packages. */
export const dawnPackage = { name: "webgpu", version: "0.6.2" } as const;

/** The command that fetches it. */
export const fetchDawn = `deno cache npm:${dawnPackage.name}@${dawnPackage.version}`;

const specifier = `npm:${dawnPackage.name}@${dawnPackage.version}`;

/** Loads it, after downloading it if it is not in the cache. */
export async function loadDawn(): Promise<Dawn> {
  return await import(specifier) as Dawn;
}
