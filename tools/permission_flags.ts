/**
 * Prints a permission set of `deno.json` as flags, for `deno install`, which takes no set by name.
 *
 * @module
 */
import project from "../deno.json" with { type: "json" };

/** A set: what is allowed, completely (`true`) or by name. */
export type PermissionSet = Readonly<Record<string, boolean | readonly string[]>>;

/** The permission sets of `deno.json`. */
export const permissionSets: Readonly<Record<string, PermissionSet>> = project.permissions;

/** `--allow-read`, `--allow-net=github.com,…`: the flags that grant what a set grants. */
export function permissionFlags(set: PermissionSet): string[] {
  return Object.entries(set).flatMap(([name, granted]) =>
    typeof granted === "boolean"
      ? granted ? [`--allow-${name}`] : []
      : [`--allow-${name}=${granted.join(",")}`]
  );
}

if (import.meta.main) console.log(permissionFlags(permissionSets[Deno.args[0]]).join(" "));
