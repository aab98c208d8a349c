/** A key whose default differs in another task. */
import type { z } from "../../deps/zod.ts";

/** The key with its description and another default; zod's own `default` would drop the description. */
export function withDefault<T extends z.ZodType>(
  key: z.ZodDefault<T>,
  value: z.output<T>,
): z.ZodDefault<T> {
  const inner = key.unwrap() as z.ZodType;
  return inner.default(value).describe(key.description ?? "") as unknown as z.ZodDefault<T>;
}
