/** Where Deno keeps npm packages, and whether one is there already. @module */

function variable(name: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? Deno.env.get(name) || undefined : undefined;
}

/** The folder; null if unknown. It has a folder for each registry. */
export function libraryCache(): string | null {
  const own = variable("DENO_DIR");
  if (own !== undefined) return `${own}/npm`;
  if (Deno.build.os === "windows") {
    const profile = variable("USERPROFILE");
    return profile === undefined ? null : `${profile}/AppData/Local/deno/npm`;
  }
  const home = variable("HOME");
  if (home === undefined) return null;
  if (Deno.build.os === "darwin") return `${home}/Library/Caches/deno/npm`;
  return `${variable("XDG_CACHE_HOME") ?? `${home}/.cache`}/deno/npm`;
}

/** Whether a version of a package can be loaded without a download; false if that is unknown. */
export function isCached({ name, version }: { name: string; version: string }): boolean {
  if (globalThis.Deno === undefined) return false;
  try {
    const cache = libraryCache();
    if (cache === null) return false;
    const { state } = Deno.permissions.querySync({ name: "read", path: cache });
    if (state !== "granted") return false;
    return [...Deno.readDirSync(cache)].some((registry) => {
      try {
        return Deno.statSync(`${cache}/${registry.name}/${name}/${version}/package.json`).isFile;
      } catch {
        return false;
      }
    });
  } catch {
    return false; // no cache yet
  }
}
