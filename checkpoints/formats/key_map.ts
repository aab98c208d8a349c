/**
 * Parameter names in two naming schemes, as pairs of templates.
 *
 * @module
 */

/**
 * Our name and theirs. `{i}` stands for an integer, `{*}` for the rest of the name; both sides
 * contain the same ones in the same order.
 */
export type KeyPair = readonly [ours: string, theirs: string];

/** Renames one key; `undefined` if no template matches. */
export type Rename = (name: string) => string | undefined;

function pattern(template: string): RegExp {
  const escaped = template.replace(/[.$^+?()[\]\\|]/g, "\\$&");
  return new RegExp(`^${escaped.replaceAll("{i}", "(\\d+)").replaceAll("{*}", "(.+)")}$`);
}

function renamer(pairs: readonly (readonly [from: string, to: string])[]): Rename {
  const rules = pairs.map(([from, to]) => [pattern(from), to] as const);
  return (name) => {
    for (const [from, to] of rules) {
      const groups = from.exec(name)?.slice(1);
      if (groups) return to.replace(/\{[i*]\}/g, () => groups.shift()!);
    }
  };
}

/**
 * A map of names that works in both directions. If two templates match, the first wins.
 *
 * @example
 * ```ts
 * import { keyMap } from "./key_map.ts";
 * const map = keyMap([["blocks.{i}.norm1.{*}", "layers.{i}.ln1.{*}"]]);
 * if (map.toTheirs("blocks.3.norm1.bias") !== "layers.3.ln1.bias") throw new Error();
 * if (map.toOurs("layers.3.ln1.bias") !== "blocks.3.norm1.bias") throw new Error();
 * if (map.toOurs("head.bias") !== undefined) throw new Error();
 * ```
 */
export function keyMap(pairs: readonly KeyPair[]): { toOurs: Rename; toTheirs: Rename } {
  return {
    toOurs: renamer(pairs.map(([ours, theirs]) => [theirs, ours])),
    toTheirs: renamer(pairs),
  };
}

/** The same pairs under prefixes. */
export function prefixed(ours: string, theirs: string, pairs: readonly KeyPair[]): KeyPair[] {
  return pairs.map(([a, b]) => [ours + a, theirs + b]);
}
