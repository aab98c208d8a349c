/**
 * From user-supplied values to a complete, checked config.
 *
 * @module
 */
import { UserError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import { formatValue, issueError } from "./issues.ts";
import { isSection, type Layer, mergeLayers, type RawConfig, setAt, valueAt } from "./layers.ts";
import { leavesOf } from "./nodes.ts";
import { checkConfig } from "./check.ts";
import { derivedValues, variantLayer } from "./derive.ts";
import type { RunConfig, TaskDefinition, Tasks } from "./task.ts";

/** A complete config and where each of its values comes from. */
export interface ParsedConfig<C extends RunConfig = RunConfig> {
  /** The config, with all defaults filled in. */
  readonly config: C;
  /** The origin of each leaf by its dotted key, in the schema's order. */
  readonly origins: ReadonlyMap<string, string>;
}

/** The task that the values name. */
export function taskOf(tasks: Tasks, values: RawConfig, origin: string): TaskDefinition {
  const { task } = values;
  if (typeof task === "string" && Object.hasOwn(tasks, task)) return tasks[task];
  const known = Object.keys(tasks);
  const near = typeof task === "string" ? nearest(task, known) : undefined;
  throw new UserError(
    `Cannot use "task" (${origin}): expected one of ${known.join(", ")}, ` +
      `found ${formatValue(task)}`,
    { hint: near === undefined ? undefined : `did you mean "${near}"?` },
  );
}

function originsOf(
  { schema }: TaskDefinition,
  config: RawConfig,
  written: ReadonlyMap<string, string>,
) {
  const origins = new Map<string, string>();
  const add = (key: string, value: unknown) => {
    const near = written.get(key);
    if (isSection(value) && Object.keys(value).length > 0) {
      for (const [name, inner] of Object.entries(value)) add(`${key}.${name}`, inner);
    } else if (value !== undefined) {
      origins.set(key, near ?? "default");
    }
  };
  for (const { key } of leavesOf(schema)) add(key, valueAt(config, key));
  return origins;
}

/** Checks the merged layers, later ones winning, and fills in what none of them sets. */
export function parseLayers(tasks: Tasks, layers: readonly Layer[]): ParsedConfig {
  const written = mergeLayers(layers);
  const task = taskOf(tasks, written.values, written.origins.get("task") ?? "no layer sets it");
  const variant = variantLayer(task, written.values.variant);
  const { values, origins } = mergeLayers([variant, ...layers]);
  for (const { key, value, origin } of derivedValues(task, values)) {
    setAt(values, key.split("."), value);
    origins.set(key, origin);
  }
  const { schema } = task;
  const parsed = schema.safeParse(values);
  if (!parsed.success) {
    const order = (code: string) => code === "unrecognized_keys" ? 0 : 1;
    const issues = [...parsed.error.issues].sort((a, b) => order(a.code) - order(b.code));
    const originOf = (key: string) =>
      origins.get(key) ??
        [...origins].find(([known]) => known.startsWith(`${key}.`))?.[1] ?? "default";
    throw issueError(schema, values, issues[0], originOf, tasks);
  }
  const config = parsed.data;
  delete config.$schema;
  const all = originsOf(task, config, origins);
  checkConfig(task, config, all);
  return { config, origins: all };
}
