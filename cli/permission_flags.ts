/**
 * Prints what the program's tasks in `deno.json` may do, all together, as flags for `deno install`, which takes no
 * set by name: an installed command is every one of them.
 *
 * @module
 */
import project from "../deno.json" with { type: "json" };

/** A set: what is allowed, completely (`true`) or by name. */
export type PermissionSet = Readonly<Record<string, boolean | readonly string[]>>;

/** The permission sets of `deno.json`. */
export const permissionSets: Readonly<Record<string, PermissionSet>> = project.permissions;

type Grant = readonly [name: string, what: boolean | readonly string[]];

/** What a task's words grant: a set by name, and single permissions. */
function grantsOf(words: readonly string[]): Grant[] {
  return words.flatMap((word): Grant[] => {
    const set = /^-P=(\w+)$/.exec(word)?.[1];
    if (set !== undefined) return Object.entries(permissionSets[set]);
    const [, name, list] = /^--allow-(\w+)(?:=(.*))?$/.exec(word) ?? [];
    if (name === undefined) return [];
    return [[name, list === undefined || list.split(",")]];
  });
}

/** What the tasks that run the program may do, all together. */
export function installedPermissions(): PermissionSet {
  const granted: Record<string, boolean | readonly string[]> = {};
  for (const { command } of Object.values(project.tasks)) {
    const words = command.split(" ");
    if (!words.includes("main.ts")) continue;
    for (const [name, what] of grantsOf(words)) {
      const before = granted[name] ?? [];
      const isWhole = typeof before === "boolean" || typeof what === "boolean";
      granted[name] = isWhole || [...new Set([...before, ...what])];
    }
  }
  return granted;
}

/** `--allow-read`, `--allow-net=github.com,…`: the flags that grant what a set grants. */
export function permissionFlags(set: PermissionSet): string[] {
  return Object.entries(set).flatMap(([name, granted]) =>
    typeof granted === "boolean"
      ? granted ? [`--allow-${name}`] : []
      : [`--allow-${name}=${granted.join(",")}`]
  );
}

if (import.meta.main) console.log(permissionFlags(installedPermissions()).join(" "));
