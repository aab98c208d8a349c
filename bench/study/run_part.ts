/**
 * One part of a study: the task that it runs, and the figures kept from it.
 *
 * @module
 */

import type { Backend } from "../../backends/backend.ts";
import { readLastMetrics } from "../../checkpoints/store/run_directory.ts";
import type { RunListener } from "../../pipeline/engine/events.ts";
import { finetune } from "../../methods/classify/method.ts";
import { pretrain } from "../../methods/beit/method.ts";
import type { RunOptions } from "../../pipeline/engine/run_options.ts";
import { startBackend } from "../../pipeline/engine/computing/start_backend.ts";
import { trainTokenizer } from "../../methods/vqkd/method.ts";
import { finetunePassCost, kMeansCost, pretrainCost, tokenizerPassCost } from "./compute.ts";
import { type FeatureAccuracy, measureFeatures } from "./features_part.ts";
import { measureTeacher } from "./teacher_part.ts";
import { isTrained, type PartIdentity } from "./part_identity.ts";
import type { StudyPart, TokenizerPart } from "./parts.ts";

/** What is kept from a part. */
export interface PartResult extends PartIdentity {
  readonly id: string;
  readonly kind: StudyPart["kind"];
  readonly dataset: string;
  readonly arm?: string;
  readonly seed?: number;
  /** For fine-tuning: label fraction and image passes. */
  readonly labels?: number;
  readonly passes?: number;
  /** Where it was computed. */
  readonly backend: string;
  /** Multiply–adds of the whole training; missing if nothing was trained. */
  readonly cost?: number;
  /** Figures by name: `top1`, `top5` and `loss` for fine-tuning; the last metrics for a tokenizer. */
  readonly figures?: Readonly<Record<string, number | null>>;
  readonly features?: readonly FeatureAccuracy[];
}

/** What a part is run with. */
export interface PartOptions {
  readonly directory: string;
  /** The run directory of another part. */
  directoryOf(id: string): string;
  readonly identity: PartIdentity;
  /** The tokenizer that the part learns from, to count its cost. */
  readonly tokenizer: TokenizerPart | null;
  /** Training images: where crops repeat, the codes of each are counted once. */
  readonly images: number;
  readonly listener: RunListener;
  readonly signal?: AbortSignal;
}

/** The last metrics of a tokenizer that describe its quality. */
const tokenizerFigures = [
  "loss",
  "teacherCosine",
  "quantizationError",
  "codebookUsage",
  "codebookPerplexity",
  "deadCodes",
];

type Figures = Pick<PartResult, "cost" | "figures" | "features">;

/** Runs the task of a part; null if it was interrupted. */
async function compute(
  part: StudyPart,
  options: PartOptions,
  backend: Backend,
): Promise<Figures | null> {
  const { directory, listener, signal } = options;
  const run: RunOptions = {
    backend,
    directory,
    listener,
    // A finished run returns its result again.
    resume: isTrained(directory) ? "always" : "auto",
    ...(signal === undefined ? {} : { signal }),
  };
  switch (part.kind) {
    case "tokenizer": {
      const { config } = part;
      const { interrupted, metrics } = await trainTokenizer(config, run);
      if (interrupted) return null;
      if (config.method === "kMeans") {
        return { figures: metrics, cost: kMeansCost(config, part.teacherCost) };
      }
      const last = readLastMetrics(directory) as Record<string, number>;
      const figures = Object.fromEntries(tokenizerFigures.map((name) => [name, last[name]]));
      const passCost = tokenizerPassCost(config) + part.teacherCost;
      return { figures, cost: trainedImages(part) * passCost };
    }
    case "pretrain": {
      const { config } = part;
      if ((await pretrain(config, run)).interrupted) return null;
      const { loss, accuracy1 } = readLastMetrics(directory) as Record<string, number>;
      const tokenizer = part.needs.length === 0 ? null : options.tokenizer!;
      const cost = pretrainCost(
        config,
        { passes: trainedImages(part), images: options.images },
        tokenizer?.config ?? null,
        tokenizer?.teacherCost,
      );
      return { figures: { loss, accuracy1 }, cost };
    }
    case "features": {
      const [pretrained] = part.needs;
      const checkpoint = pretrained === undefined ? null : options.directoryOf(pretrained);
      const on = { backend, precision: "float32" } as const;
      const { config, labels } = part;
      return { features: await measureFeatures(on, config, checkpoint, labels, listener) };
    }
    case "teacher": {
      const on = { backend, precision: "float32" } as const;
      const { config, labels } = part;
      return { features: await measureTeacher(on, config, labels, listener) };
    }
    case "finetune": {
      const { interrupted, top1, top5 } = await finetune(part.config, run);
      if (interrupted) return null;
      const { loss } = readLastMetrics(directory) as Record<string, number>;
      const cost = trainedImages(part) * finetunePassCost(part.config);
      return { figures: { top1, top5, loss }, cost };
    }
  }
}

function trainedImages({ config }: StudyPart): number {
  if (!("schedule" in config)) return 0;
  return config.schedule.steps! * config.batchSize;
}

/**
 * Runs or resumes a part.
 *
 * @returns null if it was interrupted, and saved
 */
export async function runPart(part: StudyPart, options: PartOptions): Promise<PartResult | null> {
  const { backend } = await startBackend(part.config.backend);
  try {
    const found = await compute(part, options, backend);
    if (found === null) return null;
    const { id, kind, dataset } = part;
    return {
      id,
      kind,
      dataset,
      ...("arm" in part ? { arm: part.arm, seed: part.seed } : {}),
      ...(part.kind === "finetune" ? { labels: part.labels, passes: part.passes } : {}),
      ...options.identity,
      backend: `${backend.name}: ${backend.capabilities.description}`,
      ...found,
    };
  } finally {
    await backend.dispose();
  }
}
