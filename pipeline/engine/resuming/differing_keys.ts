/** Which keys of two configs differ. @module */

function isSection(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The keys whose values differ, with both values: `optimizer.lr (0.001, now 0.002)`.
 *
 * @example
 * ```ts
 * import { differingKeys } from "./differing_keys.ts";
 * const [key] = differingKeys({ optimizer: { lr: 1 } }, { optimizer: { lr: 2 } });
 * if (key !== "optimizer.lr (1, now 2)") throw new Error(key);
 * ```
 */
export function differingKeys(
  before: Readonly<Record<string, unknown>>,
  now: Readonly<Record<string, unknown>>,
  prefix = "",
): string[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort();
  return keys.flatMap((key) => {
    const [old, present] = [before[key], now[key]];
    if (isSection(old) && isSection(present)) {
      return differingKeys(old, present, `${prefix}${key}.`);
    }
    const [was, is] = [old, present].map((value) => JSON.stringify(value) ?? "not set");
    return was === is ? [] : [`${prefix}${key} (${was}, now ${is})`];
  });
}
