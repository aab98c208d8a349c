/**
 * Which archives a pattern or a folder of shards stands for.
 *
 * @module
 */
import { UserError } from "../../core/errors.ts";
import { sorted, splitNames } from "../sources/layout.ts";
import { forwardSlashes } from "../sources/slashes.ts";

/** Maximum number of shards in a pattern. */
const mostShards = 100_000;

/** What counts as a shard in a folder. */
const isShard = (name: string) => /^[^.].*\.(tar|tar\.gz|tgz)$/i.test(name);

/** The numbers in `0008..0010`, with leading zeros as in its ends; undefined for other text. */
function numbersOf(text: string): string[] | undefined {
  const match = /^(\d{1,15})\.\.(\d{1,15})$/.exec(text);
  if (match === null) return undefined;
  const [first, last] = [Number(match[1]), Number(match[2])];
  const isPadded = [match[1], match[2]].some((end) => end.length > 1 && end.startsWith("0"));
  const digits = isPadded ? Math.max(match[1].length, match[2].length) : 0;
  const count = Math.abs(last - first) + 1;
  if (count > mostShards) {
    throw new UserError(`Cannot expand "{${text}}": it stands for ${count} shards`);
  }
  return Array.from(
    { length: count },
    (_, i) => String(first + (last >= first ? i : -i)).padStart(digits, "0"),
  );
}

/** Expands `a-{00..02}.tar` and `{a,b}.tar` as the shell does. */
export function expandBraces(pattern: string): string[] {
  const found = new Set<string>();
  const expand = (text: string, from: number): void => {
    // The innermost braces first; any that contain no list stay unchanged.
    const match = /\{([^{}]*)\}/.exec(text.slice(from));
    if (match === null) {
      if (found.add(text).size > mostShards) {
        throw new UserError(
          `Cannot expand "${pattern}": it stands for more than ${mostShards} shards`,
        );
      }
      return;
    }
    const [whole, inside] = match;
    const [start, end] = [from + match.index, from + match.index + whole.length];
    const options = numbersOf(inside) ?? (inside.includes(",") ? inside.split(",") : undefined);
    if (options === undefined) return expand(text, end);
    for (const option of options) expand(text.slice(0, start) + option + text.slice(end), 0);
  };
  expand(pattern, 0);
  return [...found];
}

const hasWildcard = (text: string) => /[*?]/.test(text);

/** A path segment with `*` and `?` as a regular expression. */
function expressionOf(part: string): RegExp {
  const escaped = part.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replaceAll("*", ".*").replaceAll("?", ".")}$`);
}

/** The names in a folder, none if it cannot be read. */
function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch {
    return [];
  }
}

/** The files matching a path with `*` and `?`, sorted. */
function matchFiles(pattern: string): string[] {
  const parts = forwardSlashes(pattern).split("/");
  let found = [""];
  for (const [index, part] of parts.entries()) {
    const join = (folder: string, name: string) => index === 0 ? name : `${folder}/${name}`;
    if (!hasWildcard(part)) found = found.map((folder) => join(folder, part));
    else {
      const expression = expressionOf(part);
      found = found.flatMap((folder) => {
        const names = namesIn(index === 0 ? "." : folder === "" ? "/" : folder);
        const isWanted = (name: string) => !name.startsWith(".") && expression.test(name);
        return names.filter(isWanted).map((name) => join(folder, name));
      });
    }
  }
  return sorted(found);
}

/** Whether a location is a pattern for archives rather than a path. */
export function isPattern(location: string): boolean {
  if (!/[*?]|\{[^{}]*(,|\.\.)[^{}]*\}/.test(location)) return false;
  if (/^https?:\/\//.test(location)) return /\{[^{}]*(,|\.\.)[^{}]*\}/.test(location);
  try {
    Deno.statSync(location);
    return false;
  } catch {
    return true;
  }
}

/**
 * The archives that a pattern stands for, in order: braces with numbers and lists and, in paths, `*` and `?`.
 *
 * @throws UserError if a pattern with `*` or `?` matches nothing
 */
export function expandPattern(pattern: string): string[] {
  return expandBraces(pattern).flatMap((location) => {
    if (/^https?:\/\//.test(location) || !hasWildcard(location)) return [location];
    const found = matchFiles(location);
    if (found.length > 0) return found;
    throw new UserError(`Cannot find data "${pattern}": no file matches "${location}"`, {
      hint: "check the pattern; quote it, so that the shell does not expand it",
    });
  });
}

function shardsIn(folder: string): string[] {
  const names = [...Deno.readDirSync(folder)].filter((entry) => !entry.isDirectory)
    .map((entry) => entry.name).filter(isShard);
  return sorted(names);
}

/** Whether the first files in a folder, which may hold a million images, are shards. */
function startsWithShards(folder: string): boolean {
  let seen = 0;
  for (const entry of Deno.readDirSync(folder)) {
    if (entry.isDirectory || entry.name.startsWith(".")) continue;
    if (isShard(entry.name)) return true;
    if (++seen === 100) break;
  }
  return false;
}

/** The split that a shard belongs to according to its name: `imagenet-train-0001.tar`. */
function splitOfName(name: string): string | undefined {
  const words = name.toLowerCase().split(/[^a-z]+/);
  return words.find((word) => Object.values(splitNames).some((names) => names.includes(word)));
}

/** The shards of a folder. */
export interface FoundShards {
  readonly folder: string;
  readonly shards: readonly string[];
  /** The split that they belong to, judging by their names; undefined if these say nothing. */
  readonly split?: string;
}

/**
 * The shards of the requested split: named after it, or in a folder of that name; otherwise all that are named
 * after none.
 */
export function findShards(root: string, split: string | undefined): FoundShards {
  const wanted = splitNames[split ?? "train"] ?? [split ?? "train"];
  if (startsWithShards(root)) {
    const all = shardsIn(root);
    for (const name of wanted) {
      const named = all.filter((shard) => splitOfName(shard) === name);
      if (named.length > 0) return { folder: root, shards: named, split: name };
    }
    const rest = all.filter((shard) => splitOfName(shard) === undefined);
    return { folder: root, shards: rest.length > 0 ? rest : all };
  }
  const folders = [...Deno.readDirSync(root)].filter((entry) => !entry.isFile)
    .map((entry) => entry.name);
  const name = wanted.find((name) => folders.includes(name));
  const folder = `${root}/${name}`;
  if (name === undefined || !startsWithShards(folder)) return { folder: root, shards: [] };
  return { folder, shards: shardsIn(folder), split: name };
}
