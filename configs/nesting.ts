/** The values of a file are walked recursively, so their depth has a limit. */
import { messageOf, UserError } from "../core/errors.ts";

/** A config is four levels deep. */
const mostLevels = 64;
/** With aliases, a short YAML file can hold any number of values. */
const mostValues = 100_000;

function refuse(label: string, found: string): never {
  throw new UserError(`Cannot read recipe "${label}": ${found}`, {
    hint: "a recipe has a few sections with keys; see `deno task config print`",
  });
}

/** Throws a {@link UserError} for values that are nested too deeply, too numerous or cyclic. */
export function checkNesting(root: unknown, label: string): void {
  let level: unknown[] = [root];
  let count = 0;
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > mostLevels) refuse(label, `it is nested more than ${mostLevels} levels deep`);
    const next: unknown[] = [];
    for (const value of level) {
      if (typeof value !== "object" || value === null) continue;
      const inner = Object.values(value);
      count += inner.length;
      if (count > mostValues) refuse(label, `it holds more than ${mostValues} values`);
      next.push(...inner);
    }
    level = next;
  }
}

/** Calls a parser whose recursion follows the nesting of its text. */
export function withinStack<T>(parse: () => T, label: string): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof RangeError && /call stack/.test(messageOf(error))) {
      refuse(label, `it is nested more than ${mostLevels} levels deep`);
    }
    throw error;
  }
}
