/**
 * Single values given over a recipe: `KEY=VALUE` as text, or typed by a program or a flag.
 *
 * @module
 */
import { UserError } from "../core/errors.ts";
import { formatValue, unknownKey } from "./_issues.ts";
import { type Layer, type RawConfig, setAt } from "./_layers.ts";
import { type Node, nodeAt, unwrap, wantedAt } from "./_nodes.ts";
import { schemas, type Task } from "./schema.ts";
import { z } from "../deps/zod.ts";

/** One value with where it comes from; text is read as `--set KEY=VALUE`. */
export type Override = string | {
  readonly key: string;
  readonly value: unknown;
  readonly origin: string;
};

/** What a text may mean, the likeliest first. */
function readings(text: string, node: Node): unknown[] {
  const found: unknown[] = [];
  try {
    found.push(JSON.parse(text));
  } catch {
    // Not JSON: a word, a number as people write it, or a list without brackets.
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

function parseText(text: string, task: Task): { path: string[]; value: unknown } {
  const split = text.indexOf("=");
  if (split < 1) {
    throw new UserError(`Cannot set "${text}": expected KEY=VALUE`, {
      hint: "for example --set optimizer.lr=1e-3",
    });
  }
  const key = text.slice(0, split).trim();
  const raw = text.slice(split + 1).trim();
  const root = schemas[task];
  const found = nodeAt(root, key);
  if (found.node === null) throw unknownKey(root, found.parent, found.key, `--set ${text}`);
  for (const value of readings(raw, found.node)) {
    if (z.safeParse(found.node, value).success) return { path: found.path, value };
  }
  throw new UserError(
    `Cannot set "${key}": expected ${wantedAt(found.node)}, found ${formatValue(raw)}`,
  );
}

/** The overrides in their order, each a layer of its own so that the later wins. */
export function overrideLayers(overrides: readonly Override[], task: Task): Layer[] {
  return overrides.map((override) => {
    const values: RawConfig = {};
    if (typeof override === "string") {
      const { path, value } = parseText(override, task);
      setAt(values, path, value);
      return { values, origin: () => `--set ${override}` };
    }
    const found = nodeAt(schemas[task], override.key);
    if (found.node === null) {
      throw new UserError(`${override.origin} has no meaning for task "${task}"`);
    }
    setAt(values, found.path, override.value);
    return { values, origin: () => override.origin };
  });
}
