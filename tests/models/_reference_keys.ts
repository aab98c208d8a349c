import type { ParameterSpec } from "../../models/parameter_set.ts";

/** Keys and shapes of the reference's state dict; index buffers are no parameters here. */
export async function referenceKeys(name: string): Promise<[string, number[]][]> {
  const url = new URL(`../fixtures/keys/keys_${name}.json`, import.meta.url);
  const { keys } = JSON.parse(await Deno.readTextFile(url)) as {
    keys: Record<string, [number[], string]>;
  };
  return Object.entries(keys)
    .filter(([key]) => !key.endsWith("relative_position_index"))
    .map(([key, [shape]]) => [key, shape]);
}

export function keysOf(specs: readonly ParameterSpec[]): [string, number[]][] {
  return specs.map((spec) => [spec.name, [...spec.shape]]);
}
