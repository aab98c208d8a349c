/** Keys that a task accepts because it shares their section, but that it never reads. */
import { UserError } from "../core/errors.ts";
import { valueAt } from "./layers.ts";
import { type JsonSchema, jsonSchemaOf, nodeAt } from "./nodes.ts";
import type { RunConfig, TaskDefinition } from "./task.ts";

/** @throws UserError for a key that asks for something the task would not do */
export function refuseInertKeys<C extends RunConfig>(
  { name, schema, inertKeys = [] }: TaskDefinition<C>,
  config: C,
  origins: ReadonlyMap<string, string>,
): void {
  for (const key of inertKeys) {
    const { node } = nodeAt(schema, key);
    const wanted = node === null ? undefined : (jsonSchemaOf(node) as JsonSchema).default;
    const found = valueAt(config, key);
    if (wanted === undefined || JSON.stringify(found) === JSON.stringify(wanted)) continue;
    throw new UserError(
      `Cannot use "${key}" (${origins.get(key) ?? "default"}): it has no effect in task ` +
        `"${name}"`,
      { hint: "omit it" },
    );
  }
}
