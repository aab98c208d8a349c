/**
 * Writes `configs/schema.json`, which editors check recipes with: `deno task schema`.
 *
 * @module
 */
import { jsonSchema } from "../configs/json_schema.ts";
import { tasks } from "../methods/mod.ts";

/** The text of `configs/schema.json`. */
export function schemaText(): string {
  return JSON.stringify(jsonSchema(tasks), null, 2) + "\n";
}

if (import.meta.main) {
  Deno.writeTextFileSync(new URL("../configs/schema.json", import.meta.url), schemaText());
}
