/**
 * Reading many tensors from a device with few waits.
 *
 * @module
 */

import type { Context } from "../backends/backend.ts";
import { sizeOf } from "../core/shapes.ts";
import type { LazyValues } from "./parameter_set.ts";

/** Bytes of values that are read together. */
const aheadBytes = 2 ** 24;

/**
 * The same values: when one is read, so are those after it, up to 16 MiB. A device is waited for at every read,
 * whatever its size (see `pipeline/engine/training/step_reader.ts`), and a checkpoint has hundreds of tensors.
 * Values in host memory are left as they are.
 *
 * @example
 * ```ts
 * import type { Backend, Context } from "../backends/backend.ts";
 * import { readAhead } from "./read_ahead.ts";
 *
 * const on = { backend: { capabilities: {} } as Backend, precision: "float32" } as Context;
 * const read: string[] = [];
 * const lazy = (name: string) => ({
 *   shape: [1],
 *   read: () => (read.push(name), Promise.resolve(new Float32Array(1))),
 * });
 * const values = readAhead(on, new Map([["a", lazy("a")], ["b", lazy("b")]]));
 * await values.get("a")!.read();
 * if (read.join() !== "a,b") throw new Error(read.join());
 * ```
 */
export function readAhead(
  { backend }: Context,
  values: ReadonlyMap<string, LazyValues>,
): ReadonlyMap<string, LazyValues> {
  if (backend.capabilities.isHostMemory === true) return values;
  const all = [...values];
  const started = new Map<string, Promise<Float32Array>>();
  const start = (first: number) => {
    let bytes = 0;
    for (const [name, { shape, read }] of all.slice(first)) {
      bytes += sizeOf(shape) * 4;
      if (bytes > aheadBytes && name !== all[first][0]) break;
      const reading = read();
      reading.catch(() => {}); // Whoever asks for it gets the error.
      started.set(name, reading);
    }
  };
  return new Map(all.map(([name, { shape }], index) => {
    const read = async () => {
      if (!started.has(name)) start(index);
      const reading = started.get(name)!;
      started.delete(name);
      return await reading;
    };
    return [name, { shape, read }];
  }));
}
