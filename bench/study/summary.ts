/**
 * Means and spreads of a study's results.
 *
 * @module
 */

import type { FeatureAccuracy } from "./features_part.ts";
import { teacherId } from "./parts.ts";
import type { PartResult } from "./run_part.ts";

/** A figure over seeds. */
export interface Spread {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  readonly seeds: number;
}

/** `0.1` as `10 %`. */
export const percentLabel = (share: number) => `${+(100 * share).toFixed(4)} %`;

/** Mean and range of some figures; null if there are none. */
export function spreadOf(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  return {
    mean: values.reduce((sum, value) => sum + value, 0) / values.length,
    low: Math.min(...values),
    high: Math.max(...values),
    seeds: values.length,
  };
}

/** `48.4 (48.1 – 48.7)`, in percent; a dash if there are none. */
export function formatSpread(spread: Spread | null): string {
  if (spread === null) return "–";
  const percent = (share: number) => (100 * share).toFixed(1);
  const { mean, low, high, seeds } = spread;
  if (seeds === 1) return `${percent(mean)} (one seed)`;
  const few = seeds === 2 ? ", two seeds" : "";
  return `${percent(mean)} (${percent(low)} – ${percent(high)}${few})`;
}

/** The results of one data set. */
export class DatasetSummary {
  readonly #results: readonly PartResult[];

  constructor(results: Iterable<PartResult>, dataset: string) {
    this.#results = [...results].filter((result) => result.dataset === dataset);
  }

  #of(kind: PartResult["kind"], arm: string): PartResult[] {
    return this.#results.filter((result) => result.kind === kind && result.arm === arm);
  }

  /** Whether anything is known of an arm. */
  has(arm: string): boolean {
    return this.#results.some((result) => result.arm === arm);
  }

  /** A tokenizer's result. */
  tokenizer(id: string): PartResult | null {
    return this.#results.find((result) => result.id === id) ?? null;
  }

  /** Accuracy after fine-tuning by seed. */
  finetunedBySeed(arm: string, labels: number, passes: number): Map<number, number> {
    return new Map(
      this.#of("finetune", arm)
        .filter((result) => result.labels === labels && result.passes === passes)
        .map(({ seed, figures }) => [seed!, figures!.top1!]),
    );
  }

  finetuned(arm: string, labels: number, passes: number): Spread | null {
    return spreadOf([...this.finetunedBySeed(arm, labels, passes).values()]);
  }

  /** Accuracy of frozen features. */
  features(
    arm: string,
    labels: number,
    figure: Exclude<keyof FeatureAccuracy, "labels">,
  ): Spread | null {
    return spreadOf(
      this.#of("features", arm).flatMap(({ features }) => {
        const found = features!.find((accuracy) => accuracy.labels === labels);
        return found?.[figure] ?? [];
      }),
    );
  }

  /** Accuracy of a teacher's own features; null if unknown. */
  teacher(
    dataset: string,
    name: string,
    labels: number,
    figure: Exclude<keyof FeatureAccuracy, "labels">,
  ): number | null {
    const found = this.#results.find(({ id }) => id === teacherId(dataset, name));
    return found?.features?.find((accuracy) => accuracy.labels === labels)?.[figure] ?? null;
  }

  /** Fine-tuning budgets for which an arm has results. */
  budgets(labels: number): number[] {
    const found = this.#results
      .filter((result) => result.kind === "finetune" && result.labels === labels)
      .map(({ passes }) => passes!);
    return [...new Set(found)].sort((a, b) => a - b);
  }

  /** Label fractions for which fine-tuning has results. */
  shares(): number[] {
    const found = this.#results.flatMap(({ labels }) => labels ?? []);
    return [...new Set(found)].sort((a, b) => a - b);
  }

  /**
   * Multiply–adds of an arm's pretraining, including its tokenizer's; null if unknown.
   *
   * @param tokenizerId the tokenizer's id; null for one that is not trained
   */
  pretrainingCost(arm: string, tokenizerId: string | null): number | null {
    const own = this.#of("pretrain", arm)[0]?.cost;
    const tokenizer = tokenizerId === null ? 0 : this.tokenizer(tokenizerId)?.cost;
    return own === undefined || tokenizer === undefined ? null : own + tokenizer;
  }

  /** Multiply–adds of an arm's fine-tuning. */
  finetuningCost(arm: string, passes: number): number | null {
    return this.#of("finetune", arm).find((result) => result.passes === passes)?.cost ?? null;
  }

  /** Where the results were computed. */
  get backends(): string[] {
    return [...new Set(this.#results.map(({ backend }) => backend))].sort();
  }
}
