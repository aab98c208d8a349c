/**
 * Pretraining with one stage replaced. BEiT v2 predicts the tokens of both branches with one head;
 * here the aggregation branch has its own small head, which is trained with the model.
 *
 *     deno run -P=train examples/own_loss.ts [KEY=VALUE …]
 *
 * @module
 */

import * as mimic from "../mod.ts";
import { tf } from "../mod.ts";

/** The loss for a model with the sizes of a config. */
export function ownLoss(
  model: mimic.MaskedImageModel,
  { model: { codes, embedDim } }: mimic.PretrainConfig,
): mimic.PretrainStages["loss"] {
  return {
    name: "loss",
    // They are initialised from the run's seed, and trained, saved and resumed with the model.
    parameters: mimic.affineSpecs("head", [codes, embedDim]),
    run({ patches, aggregated, targets }, { on, parameters }) {
      // The first branch is unchanged: without the second, the model's loss is that of the first alone.
      const first = model.loss(on, { patches, aggregated: null, targets });
      const second = mimic.linearCrossEntropy(on, {
        x: aggregated!,
        weight: parameters!.value("head.weight"),
        bias: parameters!.value("head.bias"),
        targets,
      });
      return {
        loss: tf.add(first.loss, second.loss),
        metrics: { ...first.metrics, loss2: second.loss, accuracy2: second.correct },
      };
    },
  };
}

if (import.meta.main) {
  const overrides = ["output=runs/own-loss", ...Deno.args];
  const { config, origins } = await mimic.resolveConfig({ task: "pretrain", overrides });
  const { evaluation } = await mimic.pretrain(config, {
    origins,
    stages: ({ model }) => ({ loss: ownLoss(model, config) }),
    listener(event) {
      if (event.type !== "step" || event.metrics.step % 50 !== 0) return;
      const { step, loss1, loss2 } = event.metrics;
      console.log(`step ${step}/${event.totalSteps}  losses ${loss1} ${loss2}`);
    },
  });
  console.table(evaluation);
}
