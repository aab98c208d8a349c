/**
 * How much of a codebook is in use.
 *
 * @module
 */

import type { NamedValues } from "../../models/parameter_set.ts";

/** Names under which a checkpoint keeps the window and the ages. */
const windowName = "codebookUsage.window";
const idleName = "codebookUsage.idleSteps";

/** Statistics of the codebook over a window of steps. */
export interface CodebookHealth extends Record<string, number> {
  /** Share of codes that were hit. */
  codebookUsage: number;
  /** exp of the entropy of the hits: the number of codes that an even use would be spread over. */
  codebookPerplexity: number;
  /** Codes that were not hit. */
  deadCodes: number;
  /** Steps since the longest-unused code was hit, however long the window is. */
  longestIdleSteps: number;
}

/**
 * Hits of each code over recent steps.
 *
 * @example
 * ```ts
 * import { CodebookUsage } from "./codebook_usage.ts";
 * const usage = new CodebookUsage(4, 2);
 * usage.add(Float32Array.of(1, 1, 0, 0));
 * usage.add(Float32Array.of(1, 1, 0, 0));
 * if (usage.health.deadCodes !== 2) throw new Error();
 * usage.add(Float32Array.of(0, 0, 2, 2));
 * usage.add(Float32Array.of(0, 0, 2, 2));
 * if (usage.health.codebookPerplexity !== 2) throw new Error();
 * ```
 */
export class CodebookUsage {
  readonly #codes: number;
  readonly #window: number;
  /** [steps, K], oldest step first. */
  #steps: Float32Array[] = [];
  readonly #hits: Float64Array;
  readonly #idleSteps: Float32Array;

  /**
   * @param codes number K of codes
   * @param window number of steps that count
   */
  constructor(codes: number, window: number) {
    this.#codes = codes;
    this.#window = window;
    this.#hits = new Float64Array(codes);
    this.#idleSteps = new Float32Array(codes);
  }

  /** Whether the window is full. */
  get isFull(): boolean {
    return this.#steps.length === this.#window;
  }

  /** Hits of each code in the window, [K]. */
  get hits(): Readonly<Float64Array> {
    return this.#hits;
  }

  /** Steps since each code was hit, [K]: 0 if hit in the last step. */
  get idleSteps(): Readonly<Float32Array> {
    return this.#idleSteps;
  }

  /** The hits of one step, [K]. */
  add(counts: Float32Array): void {
    this.#steps.push(counts.slice());
    for (let code = 0; code < this.#codes; code++) {
      this.#hits[code] += counts[code];
      this.#idleSteps[code] = counts[code] > 0 ? 0 : this.#idleSteps[code] + 1;
    }
    if (this.#steps.length <= this.#window) return;
    const old = this.#steps.shift()!;
    for (let code = 0; code < this.#codes; code++) this.#hits[code] -= old[code];
  }

  get health(): CodebookHealth {
    let [used, total, entropy] = [0, 0, 0];
    for (const hits of this.#hits) total += hits;
    for (const hits of this.#hits) {
      if (hits === 0) continue;
      used++;
      entropy -= hits / total * Math.log(hits / total);
    }
    return {
      codebookUsage: used / this.#codes,
      codebookPerplexity: Math.exp(entropy),
      deadCodes: this.#codes - used,
      longestIdleSteps: this.#idleSteps.reduce((most, steps) => Math.max(most, steps), 0),
    };
  }

  /** What a checkpoint keeps: the window [steps, K] and the ages [K]. */
  export(): Map<string, NamedValues> {
    const values = new Float32Array(this.#steps.length * this.#codes);
    for (const [index, step] of this.#steps.entries()) values.set(step, index * this.#codes);
    return new Map([
      [windowName, { shape: [this.#steps.length, this.#codes], values }],
      [idleName, { shape: [this.#codes], values: this.#idleSteps.slice() }],
    ]);
  }

  /** Continues from what was exported. */
  load(exported: ReadonlyMap<string, NamedValues>): void {
    const values = exported.get(windowName)?.values ?? new Float32Array(0);
    for (let start = 0; start < values.length; start += this.#codes) {
      this.add(values.subarray(start, start + this.#codes));
    }
    const idleSteps = exported.get(idleName)?.values;
    if (idleSteps !== undefined) this.#idleSteps.set(idleSteps);
  }
}
