/** Command lines of benchmarks. */

import { parseArgs } from "node:util";

type Value = string | number | boolean;
type Widened<Options> = {
  [Name in keyof Options]: Options[Name] extends number ? number
    : Options[Name] extends boolean ? boolean
    : string;
};

/** Options such as `--batch 8`, typed by their defaults, and the positional arguments. */
export function readOptions<Options extends Readonly<Record<string, Value>>>(
  usual: Options,
): { options: Widened<Options>; positionals: string[] } {
  const types = Object.entries(usual).map(([name, value]) =>
    [name, { type: typeof value === "boolean" ? "boolean" : "string" }] as const
  );
  const { values, positionals } = parseArgs({
    options: Object.fromEntries(types),
    allowPositionals: true,
  });
  const given = Object.entries(values).map(([name, value]) =>
    [name, typeof usual[name] === "number" ? Number(value) : value] as const
  );
  return { options: { ...usual, ...Object.fromEntries(given) } as Widened<Options>, positionals };
}
