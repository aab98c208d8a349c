/** Keys that a task accepts because it shares their section, but that it never reads. */
import { UserError } from "../core/errors.ts";
import { valueAt } from "./layers.ts";
import { type JsonSchema, jsonSchemaOf, nodeAt } from "./nodes.ts";
import type { Config, Task } from "./schema.ts";
import { schemas } from "./schema.ts";

/** By task. The reference pages omit them, and any value other than the default is an error. */
export const inertKeys: Readonly<Record<Task, readonly string[]>> = {
  // Its accuracies are computed with all labels.
  pretrain: ["data.labelFraction"],
  // It needs no labels and trains from scratch, so no block has its own learning rate.
  tokenizer: ["data.labelFraction", "optimizer.layerDecay"],
  finetune: [],
  // The encoder is frozen: nothing is kept for a backward pass, and no gradient is scaled.
  linearProbe: ["recompute", "lossScale.initial", "lossScale.growthInterval"],
  // Label maps are found by image name, in separate folders for training and validation.
  segment: ["data.listFile", "data.evaluationListFile", "data.labelFraction", "data.holdOut"],
};

/** @throws UserError for a key that asks for something the task would not do */
export function refuseInertKeys(config: Config, origins: ReadonlyMap<string, string>): void {
  for (const key of inertKeys[config.task]) {
    const { node } = nodeAt(schemas[config.task], key);
    const wanted = node === null ? undefined : (jsonSchemaOf(node) as JsonSchema).default;
    const found = valueAt(config as unknown as Record<string, unknown>, key);
    if (wanted === undefined || found === wanted) continue;
    throw new UserError(
      `Cannot use "${key}" (${origins.get(key) ?? "default"}): it has no effect in task ` +
        `"${config.task}"`,
      { hint: "omit it" },
    );
  }
}
