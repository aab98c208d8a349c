/**
 * Single values set on top of a recipe: `KEY=VALUE` text, or typed values from a program or a flag.
 *
 * @module
 */
import { UserError } from "../core/errors.ts";
import { formatValue, unknownKey } from "./issues.ts";
import { type Layer, type RawConfig, setAt } from "./layers.ts";
import { type Node, nodeAt, unwrap, wantedAt } from "./nodes.ts";
import type { TaskDefinition, Tasks } from "./task.ts";
import { z } from "../deps/zod.ts";

/** A value and its origin; text is parsed like `--set KEY=VALUE`. */
export type Override = string | {
  readonly key: string;
  /** The key in tasks that have none by that name. */
  readonly otherwise?: string;
  readonly value: unknown;
  /** `--batch` */
  readonly origin: string;
  /** Whether the value is text to be parsed like that of `--set`. */
  readonly isText?: boolean;
};

/** What a text may mean, most likely first. */
function readings(text: string, node: Node): unknown[] {
  const found: unknown[] = [];
  try {
    found.push(JSON.parse(text));
  } catch {
    // Not JSON: a word, a number in everyday notation, or a list without brackets.
    if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) found.push(Number(text));
  }
  found.push(text);
  const inner = unwrap(node);
  if (inner instanceof z.ZodTuple || inner instanceof z.ZodArray) {
    const items = text.replace(/^\[|\]$/g, "").split(",").map((item) => item.trim());
    found.push(items.map((item) => item !== "" && Number.isFinite(Number(item)) ? +item : item));
  }
  return found;
}

function read(raw: string, key: string, node: Node): unknown {
  for (const value of readings(raw, node)) {
    if (z.safeParse(node, value).success) return value;
  }
  throw new UserError(`Cannot set "${key}": expected ${wantedAt(node)}, found ${formatValue(raw)}`);
}

function textLayer(text: string, { schema }: TaskDefinition, tasks: Tasks): Layer {
  const split = text.indexOf("=");
  if (split < 1) {
    throw new UserError(`Cannot set "${text}": expected KEY=VALUE`, {
      hint: "for example --set optimizer.lr=1e-3",
    });
  }
  const origin = `--set ${text}`;
  const key = text.slice(0, split).trim();
  const found = nodeAt(schema, key);
  if (found.node === null) {
    throw unknownKey(schema, found.parent, found.key, origin, tasks, key);
  }
  const values: RawConfig = {};
  setAt(values, found.path, read(text.slice(split + 1).trim(), key, found.node));
  return { values, origin: () => origin, isGiven: true };
}

/**
 * The overrides in order, each in its own layer so that the later wins.
 *
 * @param tasks all tasks, to say which one has a key that this one lacks
 */
export function overrideLayers(
  overrides: readonly Override[],
  task: TaskDefinition,
  tasks: Tasks,
): Layer[] {
  return overrides.map((override) => {
    if (typeof override === "string") return textLayer(override, task, tasks);
    const { key, otherwise, value, origin, isText } = override;
    const first = nodeAt(task.schema, key);
    const found = first.node === null && otherwise !== undefined
      ? nodeAt(task.schema, otherwise)
      : first;
    if (found.node === null) {
      throw new UserError(`${origin} has no meaning for task "${task.name}"`);
    }
    const values: RawConfig = {};
    setAt(
      values,
      found.path,
      isText ? read(String(value), found.path.join("."), found.node) : value,
    );
    return { values, origin: () => origin, isGiven: true };
  });
}
