/** Walks a zod schema: what is at a key path, and what it expects, in words. */
import { z } from "../deps/zod.ts";

/** Any schema of zod. */
export type Node = z.core.$ZodType;

const WRAPPERS = new Set(["default", "prefault", "optional", "nullable"]);

/** The schema inside defaults, optionals and nullables. */
export function unwrap(node: Node): Node {
  let inner = node;
  while (WRAPPERS.has(inner._zod.def.type)) {
    inner = (inner._zod.def as unknown as { innerType: Node }).innerType;
  }
  return inner;
}

/** The keys of an object schema with their schemas, or null for anything else. */
export function childrenOf(node: Node): Readonly<Record<string, Node>> | null {
  const inner = unwrap(node);
  return inner instanceof z.ZodObject ? inner.shape as Record<string, Node> : null;
}

/** What {@link nodeAt} found: the schema, or how far the path led and what could have followed. */
export type Found =
  | { readonly node: Node; readonly path: string[] }
  | {
    readonly node: null;
    readonly parent: string;
    readonly key: string;
    readonly known: string[];
  };

/**
 * The schema at a dotted key. In a record, everything that follows is one key, since parameter
 * names contain dots.
 */
export function nodeAt(root: Node, dotted: string): Found {
  const keys = dotted.split(".");
  const path: string[] = [];
  let node = root;
  for (let i = 0; i < keys.length; i++) {
    const inner = unwrap(node);
    if (inner instanceof z.ZodRecord) {
      const rest = keys.slice(i).join(".");
      return { node: inner.valueType as Node, path: [...path, rest] };
    }
    const children = childrenOf(node);
    if (children === null || !Object.hasOwn(children, keys[i])) {
      return {
        node: null,
        parent: path.join("."),
        key: keys[i],
        known: children === null ? [] : Object.keys(children),
      };
    }
    node = children[keys[i]];
    path.push(keys[i]);
  }
  return { node, path };
}

/** A config key that holds a value, with its schema. */
export interface Leaf {
  readonly key: string;
  readonly node: Node;
}

/** All keys that hold values, in the schema's order: `optimizer.lr`, `augment.jitter.contrast`, … */
export function leavesOf(root: Node, prefix = ""): Leaf[] {
  return Object.entries(childrenOf(root) ?? {}).flatMap(([key, node]) => {
    const full = prefix === "" ? key : `${prefix}.${key}`;
    return childrenOf(node) === null ? [{ key: full, node }] : leavesOf(node, full);
  });
}

/** The parts of JSON Schema that our keys use. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly pattern?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minItems?: number;
  readonly items?: JsonSchema | false;
  readonly prefixItems?: readonly JsonSchema[];
}

/** The JSON Schema of what may be written at a node. */
export function jsonSchemaOf(node: Node): JsonSchema {
  return z.toJSONSchema(node, { io: "input" }) as JsonSchema;
}

function bounds(schema: JsonSchema): string {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  const low = exclusiveMinimum !== undefined
    ? `> ${exclusiveMinimum}`
    : minimum !== undefined && minimum > -Number.MAX_SAFE_INTEGER
    ? `≥ ${minimum}`
    : "";
  const high = exclusiveMaximum !== undefined
    ? `< ${exclusiveMaximum}`
    : maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER
    ? `≤ ${maximum}`
    : "";
  const both = [low, high].filter((part) => part !== "").join(" and ");
  return both === "" ? "" : ` ${both}`;
}

function inWords(schema: JsonSchema): string {
  if (schema.anyOf) return schema.anyOf.map(inWords).join(" or ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) {
    const words = schema.enum.map((value) => JSON.stringify(value));
    return words.length === 1 ? words[0] : `one of ${words.join(", ")}`;
  }
  const { type } = schema;
  if (typeof type === "object") return type.map((one) => inWords({ type: one })).join(" or ");
  switch (type) {
    case "integer":
      return `a whole number${bounds(schema)}`;
    case "number":
      return `a number${bounds(schema)}`;
    case "boolean":
      return "true or false";
    case "string":
      // The only pattern in use, `^tfjs:[\s\S]{1,}$`: a name after a fixed prefix.
      return schema.pattern === undefined
        ? "text"
        : `"${schema.pattern.replace(/^\^|\$$/g, "").replace(/\[.*$/, "NAME")}"`;
    case "null":
      return "null";
    case "array":
      if (schema.prefixItems) return `[${schema.prefixItems.map(inWords).join(", ")}]`;
      return schema.items ? `a list of ${inWords(schema.items)}` : "a list";
    case "object":
      return "a section with keys";
    default:
      return type ?? "a value";
  }
}

/** What a key expects, for messages: `a number > 0`, `one of "raise", "skip"`. */
export function wantedAt(node: Node): string {
  return inWords(jsonSchemaOf(node));
}
