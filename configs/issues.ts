/** Turns what zod found wrong into one line that names the key, what was expected and what was found. */
import type { z } from "../deps/zod.ts";
import { UserError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import { isSection, type RawConfig, valueAt } from "./layers.ts";
import { childrenOf, leavesOf, type Node, nodeAt, wantedAt } from "./nodes.ts";
import type { Tasks } from "./task.ts";

/** A value as messages show it, shortened. */
export function formatValue(value: unknown): string {
  if (value === undefined) return "nothing";
  return shortened(JSON.stringify(value) ?? String(value), 60);
}

function shortened(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 3)}…` : text;
}

/** `did you mean "optimizer.lr"?`, or the known keys if none is close. */
export function suggestKey(root: Node, parent: string, key: string, known: string[]): string {
  const full = (name: string) => parent === "" ? name : `${parent}.${name}`;
  if (known.length === 0) return `"${parent}" holds a value, not keys`;
  const near = nearest(key, known);
  if (near !== undefined) return `did you mean "${full(near)}"?`;
  // The right name in the wrong section: `weightDecay` for `optimizer.weightDecay`.
  const elsewhere = leavesOf(root).find((leaf) => leaf.key.endsWith(`.${key}`));
  if (elsewhere !== undefined) return `did you mean "${elsewhere.key}"?`;
  const anywhere = nearest(full(key), leavesOf(root).map((leaf) => leaf.key));
  if (anywhere !== undefined) return `did you mean "${anywhere}"?`;
  return `known keys${parent === "" ? "" : ` of "${parent}"`}: ${known.join(", ")}`;
}

/** Keys of the schema that end as a dotted key does: `probe.epochs` for `schedule.epochs`. */
function sameName(root: Node, dotted: string): string | undefined {
  const name = dotted.split(".").pop();
  return leavesOf(root).find(({ key }) => key.split(".").pop() === name)?.key;
}

/**
 * The error for a key that the schema does not know.
 *
 * @param written the whole key as written, where `key` is a section on the way to it
 */
export function unknownKey(
  root: Node,
  parent: string,
  key: string,
  origin: string,
  tasks: Tasks = {},
  written?: string,
): UserError {
  const found = parent === "" ? root : nodeAt(root, parent).node;
  const known = found === null ? [] : Object.keys(childrenOf(found) ?? {});
  const full = parent === "" ? key : `${parent}.${key}`;
  const elsewhere = Object.entries(tasks).find(([, { schema }]) =>
    schema !== root && nodeAt(schema, full).node !== null
  );
  const suggestion = suggestKey(root, parent, key, known.filter((name) => name !== "$schema"));
  return new UserError(`Unknown key "${shortened(full, 120)}" (${shortened(origin, 200)})`, {
    hint: elsewhere === undefined || suggestion.startsWith("did you mean")
      ? suggestion
      : hintOf(root, written ?? full, elsewhere[0]),
  });
}

/** What to do about a key of another task: this task may have it in another section. */
function hintOf(root: Node, written: string, task: string): string {
  const here = sameName(root, written);
  return here === undefined
    ? `it belongs to task "${task}"`
    : `did you mean "${here}"? "${written}" belongs to task "${task}"`;
}

/** The message for the first of zod's issues. */
export function issueError(
  root: Node,
  values: RawConfig,
  issue: z.core.$ZodIssue,
  originOf: (key: string) => string,
  tasks?: Tasks,
): UserError {
  const key = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    const full = key === "" ? issue.keys[0] : `${key}.${issue.keys[0]}`;
    const inner = valueAt(values, full);
    const [first] = isSection(inner) ? Object.keys(inner) : [];
    const written = first === undefined ? full : `${full}.${first}`;
    return unknownKey(root, key, issue.keys[0], originOf(full), tasks, written);
  }
  // An issue inside a list is reported for the whole list, because that is what was written.
  let path = issue.path.map(String);
  while (path.length > 0 && nodeAt(root, path.join(".")).node === null) path = path.slice(0, -1);
  const shown = path.join(".");
  const found = nodeAt(root, shown);
  const wanted = issue.code === "custom" || found.node === null
    ? issue.message
    : wantedAt(found.node);
  const value = shown === "" ? values : valueAt(values, shown);
  return new UserError(
    `Cannot use "${shown}" (${originOf(shown)}): expected ${wanted.replace(/^expected /, "")}, ` +
      `found ${formatValue(value)}`,
  );
}
