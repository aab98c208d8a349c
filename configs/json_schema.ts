/**
 * The JSON Schema of recipes, for editors: `configs/schema.json` is its output.
 *
 * @module
 */
import { z } from "../deps/zod.ts";
import type { TaskDefinition, Tasks } from "./task.ts";

type Schema = Record<string, unknown> & { properties: Record<string, unknown> };

function schemaOf({ schema: node }: TaskDefinition): Schema {
  const { $schema: _draft, ...schema } = z.toJSONSchema(node, { io: "input" });
  return schema as Schema;
}

/**
 * The schema of a recipe of any task: one branch per task, discriminated by `task`.
 *
 * @example Every key has a description
 * ```ts
 * import { jsonSchema } from "./json_schema.ts";
 * import { tasks } from "../methods/mod.ts";
 * const text = JSON.stringify(jsonSchema(tasks));
 * if (!text.includes("Peak learning rate")) throw new Error();
 * ```
 */
export function jsonSchema(tasks: Tasks): Record<string, unknown> {
  const extended = {
    type: "string",
    description: "A recipe that this one modifies: a bundled name or a path relative to this file.",
  };
  const branches = Object.entries(tasks).map(([task, definition]) => {
    const schema = schemaOf(definition);
    return {
      if: { properties: { task: { const: task } }, required: ["task"] },
      then: {
        ...schema,
        properties: { extends: extended, ...schema.properties },
      },
    };
  });
  // A recipe that extends another may leave out its task: then the keys of any task are offered.
  const properties = Object.assign(
    {},
    ...Object.values(tasks).map((task) => schemaOf(task).properties).reverse(),
  );
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "A recipe of mimic",
    type: "object",
    properties: {
      ...Object.fromEntries(Object.keys(properties).map((key) => [key, true])),
      extends: extended,
      task: { enum: Object.keys(tasks), description: "What the run does." },
    },
    anyOf: [{ required: ["task"] }, { required: ["extends"] }],
    allOf: branches,
  };
}
