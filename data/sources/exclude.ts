/**
 * Lists of images to exclude, as written by `data check`.
 *
 * @module
 */
import { messageOf, UserError } from "../../core/errors.ts";
import { linesOf } from "../../core/text_lines.ts";
import { forwardSlashes } from "./slashes.ts";
import type { Source } from "./source.ts";
import { subsetOf } from "./subset.ts";

/** A line in a list: a path or, if it contains line breaks or quotes, the path as a JSON string. */
export function excludeLine(id: string): string {
  // deno-lint-ignore no-control-regex
  return /[\x00-\x1f]|^["#\s]|\s$/.test(id) ? JSON.stringify(id) : id;
}

/** The paths in a list; empty lines and lines starting with # are ignored. */
export function parseExcludeList(text: string, name: string): Set<string> {
  const ids = new Set<string>();
  for (const [index, line] of linesOf(text).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    if (!line.startsWith('"')) {
      ids.add(forwardSlashes(line));
      continue;
    }
    try {
      ids.add(forwardSlashes(String(JSON.parse(line))));
    } catch (cause) {
      throw new UserError(
        `Cannot read "${name}", line ${index + 1}: expected a path, found ${line}`,
        { hint: "a path that starts with a quote is written as a JSON string", cause },
      );
    }
  }
  return ids;
}

/**
 * A source without the images in a list, given by id or by path below `root`.
 *
 * @throws UserError if the list cannot be read, or leaves no image
 */
export function withoutListed(source: Source, list: string, root?: string): Source {
  let text: string;
  try {
    text = Deno.readTextFileSync(list);
  } catch (cause) {
    throw new UserError(
      `Cannot read the list of images to exclude "${list}": ${messageOf(cause)}`,
      {
        hint: "check data.exclude",
        cause,
      },
    );
  }
  const ids = parseExcludeList(text, list);
  const kept: number[] = [];
  const above = root === undefined ? undefined : `${forwardSlashes(root)}/`;
  const isListed = (id: string) =>
    ids.has(id) ||
    (above !== undefined && id.startsWith(above) && ids.has(id.slice(above.length)));
  for (let index = 0; index < source.length; index++) {
    if (!isListed(forwardSlashes(source.entry(index).id))) kept.push(index);
  }
  const count = source.length - kept.length;
  if (count === 0) return source;
  if (kept.length === 0) {
    throw new UserError(`Cannot use these images: "${list}" excludes all ${count} of them`, {
      hint: "check data.exclude",
    });
  }
  const line = `Skipped: ${count} image${count === 1 ? "" : "s"} named in ${list}`;
  return subsetOf(source, kept, [...source.notes ?? [], line]);
}
