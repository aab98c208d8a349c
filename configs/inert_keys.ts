/** Keys that a task has, since its sections are shared, but that nothing in it reads. */
import { UserError } from "../core/errors.ts";
import { valueAt } from "./layers.ts";
import { type JsonSchema, jsonSchemaOf, nodeAt } from "./nodes.ts";
import type { Config, Task } from "./schema.ts";
import { schemas } from "./schema.ts";

/** By task; the reference leaves them out, and any value but the default is refused. */
export const inertKeys: Readonly<Record<Task, readonly string[]>> = {
  // Its accuracies are those of all labels.
  pretrain: ["data.labelFraction"],
  // It needs no labels, and is trained from scratch: no block has a rate of its own.
  tokenizer: ["data.labelFraction", "optimizer.layerDecay"],
  finetune: [],
  // The encoder is frozen: nothing is kept for a backward pass, and no gradient is scaled.
  linearProbe: ["recompute", "lossScale.initial", "lossScale.growthInterval"],
  // Label maps are found by the images' names, in folders of their own for training and validation.
  segment: ["data.listFile", "data.evaluationListFile", "data.labelFraction", "data.holdOut"],
};

/**
 * @throws UserError for a key that says something the task would not do
 */
export function refuseInertKeys(config: Config, origins: ReadonlyMap<string, string>): void {
  for (const key of inertKeys[config.task]) {
    const { node } = nodeAt(schemas[config.task], key);
    const wanted = node === null ? undefined : (jsonSchemaOf(node) as JsonSchema).default;
    const found = valueAt(config as unknown as Record<string, unknown>, key);
    if (wanted === undefined || found === wanted) continue;
    throw new UserError(
      `Cannot use "${key}" (${origins.get(key) ?? "default"}): it does nothing in task ` +
        `"${config.task}"`,
      { hint: "leave it out" },
    );
  }
}
