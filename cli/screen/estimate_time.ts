/** How long a run will take, estimated from a second or two of its steps, for the line at its start. */
import type { PretrainConfig } from "../../methods/beit/config.ts";
import type { TokenizerConfig } from "../../methods/vqkd/config.ts";
import { UserError } from "../../core/errors.ts";
import { single } from "../../distributed/single.ts";
import { measureRun, type RunMeasurement } from "../../pipeline/engine/planning/measure_run.ts";
import { planPretraining, type PretrainPlan } from "../../methods/beit/plan.ts";
import { pretrainCost, tokenizerPassCost } from "../../bench/study/compute.ts";

const seconds = 2;
const quietly = { resume: "auto", hooks: [], origins: new Map(), profiles: false } as const;

/** Seconds for the evaluation at the end: model and untrained network see every image, forward only. */
function evaluationSeconds(
  { evaluation }: PretrainConfig,
  { images, classes }: Pick<PretrainPlan, "images" | "classes">,
  secondsPerImage: number,
): number {
  const { knn, linear, baselines } = evaluation;
  if (classes < 2 || !(knn.atEnd || linear.atEnd)) return 0;
  // The held-out or test images come on top of the training images.
  return (baselines ? 2 : 1) * 1.2 * images * secondsPerImage / 3;
}

/** Seconds that pretraining takes per image, given tokenizer training measured on the same images. */
function scaled(
  measured: RunMeasurement,
  tokenizer: TokenizerConfig,
  pretraining: PretrainConfig,
): number {
  const perImage = 1 / measured.imagesPerSecond;
  const pretrainPass = pretrainCost(pretraining, { passes: 1, images: 1 }, tokenizer);
  const share = pretrainPass / tokenizerPassCost(tokenizer);
  const computing = (1 - measured.waitingShare) * perImage * share;
  // Steps that wait for data run at the speed of the data, whatever is computed.
  return measured.waitingShare > 0.1 ? Math.max(computing, perImage) : computing;
}

/**
 * Seconds for pretraining, including the tokenizer that is trained before it and the evaluation after it.
 *
 * @returns null if it cannot be measured: the run itself will say why
 */
export async function estimatePretraining(
  config: PretrainConfig,
  tokenizer: TokenizerConfig | null,
  signal: AbortSignal,
): Promise<number | null> {
  const options = { ...quietly, signal, communicator: single };
  try {
    if (tokenizer === null) {
      const { pretrain } = await import("../../methods/beit/method.ts");
      const plan = await planPretraining(config);
      const measured = await measureRun(
        { ...config, microBatchSize: plan.microBatch },
        plan,
        (shortened, own) => pretrain(shortened, { ...options, ...own }),
        { seconds, signal },
      );
      if (measured === null) return null;
      return measured.secondsToFinish +
        evaluationSeconds(config, plan, 1 / measured.imagesPerSecond);
    }
    // There are no steps of it from which those of pretraining could be estimated.
    if (tokenizer.method === "kMeans") return null;
    const { trainTokenizer } = await import("../../methods/vqkd/method.ts");
    const { planTokenizer } = await import("../../methods/vqkd/plan.ts");
    const plan = await planTokenizer(tokenizer);
    const measured = await measureRun(
      { ...tokenizer, microBatchSize: plan.microBatch },
      plan,
      (shortened, own) => trainTokenizer(shortened, { ...options, ...own }),
      { seconds, signal },
    );
    if (measured === null) return null;
    const perImage = scaled(measured, tokenizer, config);
    const pretraining = await planPretraining({
      ...config,
      tokenizer: { ...config.tokenizer, checkpoint: "pixels", updatesDuringPretraining: false },
    });
    return measured.secondsToFinish + pretraining.totalSteps * config.batchSize * perImage +
      evaluationSeconds(config, pretraining, perImage);
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}
