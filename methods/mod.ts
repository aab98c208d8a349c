/**
 * The training methods: the only list of them.
 *
 * @module
 */

import type { Config, ConfigOf, Task } from "../configs/schema.ts";
import type { ListedMethod } from "../pipeline/engine/method.ts";

/** A method with its types erased: its batches, parts and results are its own business. */
// deno-lint-ignore no-explicit-any
export type AnyMethod<C extends Config = any> = ListedMethod<C, any, any, any, any>;

/** How each method is loaded, by the `task` of its configs; none is loaded before it runs. */
const methods: { readonly [T in Task]: () => Promise<AnyMethod<ConfigOf<T>>> } = {
  pretrain: async () => (await import("./beit/method.ts")).beit,
  tokenizer: async () => (await import("./vqkd/method.ts")).vqkd,
  finetune: async () => (await import("./classify/method.ts")).classifier,
  linearProbe: async () => (await import("./probe/method.ts")).probe,
  segment: async () => (await import("./segment/method.ts")).segmenter,
};

/** The method that runs a task. */
export function loadMethod<T extends Task>(task: T): Promise<AnyMethod<ConfigOf<T>>> {
  return methods[task]();
}
