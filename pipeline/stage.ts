/**
 * Stages and their composition.
 *
 * A stage turns one typed value into the next. A pipeline is a list of stages whose types match: a
 * wrong order does not compile. Both have a `run`, so that a stage can be used on its own or
 * replaced by another of the same type; each is timed under its name.
 *
 * @module
 */

import type { Context } from "../backends/backend.ts";
import type { Tape } from "../backends/tfjs/tape.ts";
import type { Stopwatch } from "../core/clock.ts";
import type { Generator } from "../core/generator.ts";
import type { ParameterScope, ParameterSpec } from "../models/parameter_set.ts";

/** What a stage knows about the step it works on. */
export interface StepContext {
  /** Where to compute, and in which precision. */
  readonly on: Context;
  /** Optimizer step, from 0. */
  readonly step: number;
  /** Which of this process's micro-batches in the step, from 0, and how many it has. */
  readonly microBatch: number;
  readonly microBatches: number;
  /** Position in the step, over all ranks, of the micro-batch's first image: per-image draws start there. */
  readonly firstImage: number;
  /** The micro-batch's share of the step, over all ranks; 0 if another rank has it too. */
  readonly share: number;
  /**
   * Runs `work` once the tape is closed, and before the next micro-batch: anything that waits for other ranks.
   * Pieces of work run one after another, in the order in which they are passed.
   */
  readonly afterTape: <T>(work: () => Promise<T>) => Promise<T>;
  /** Records what gradients are computed for; null outside training, where drop path is off as well. */
  readonly tape: Tape | null;
  /**
   * Random draws of the step; split it by the stage's name before drawing. A stage that draws per image starts
   * at `firstImage`, so that an image's draws do not depend on how a step is divided.
   */
  readonly generator: Generator;
  readonly stopwatch: Stopwatch;
  /** For a stage that brings {@link Stage.parameters}: those parameters, by the names it gave them. */
  readonly parameters?: ParameterScope;
}

/** A parameter that a stage brings. */
export interface StageParameter extends ParameterSpec {
  /**
   * Initial values, row-major; default: N(0, 0.02²) for more than one axis, 1 for the `weight` of a norm,
   * otherwise 0.
   *
   * @param generator for this parameter alone, split from the run's seed
   */
  readonly initialise?: (generator: Generator, shape: readonly number[]) => Float32Array;
}

/**
 * One step in the data's path.
 *
 * @typeParam Input what it takes
 * @typeParam Output what it returns
 */
export interface Stage<Input, Output> {
  /** A verb: `load`, `augment`, `mask`, `tokenize`, `encode`, `loss`, `optimize`, or the user's own. */
  readonly name: string;
  /**
   * What the stage learns. In a run these parameters are trained, saved and resumed like the model's own, and
   * the stage finds them in {@link StepContext.parameters}.
   */
  readonly parameters?: readonly StageParameter[];
  run(input: Input, context: StepContext): Output | Promise<Output>;
}

/** Stages connected by name: the engine is the same for all types of batches. */
// deno-lint-ignore no-explicit-any
export type AnyStage = Stage<any, any>;

/** Stages by name, for the types of {@link Pipeline.replace}. */
type StageTypes = Record<string, Stage<never, unknown>>;

/**
 * A typed list of stages, itself a stage.
 *
 * @example Two stages in the order their types allow
 * ```ts
 * import { pipeline, type Stage, type StepContext } from "./stage.ts";
 * import { Stopwatch } from "../core/clock.ts";
 *
 * const count = { name: "count", run: (words: string[]) => words.length } as const;
 * const double = { name: "double", run: (n: number) => 2 * n } as const;
 * const both = pipeline(count).to(double);
 * const context = { stopwatch: new Stopwatch() } as StepContext;
 * if (await both.run(["a", "b"], context) !== 4) throw new Error();
 *
 * const tripled = both.replace("double", { name: "triple", run: (n: number) => 3 * n });
 * if (await tripled.run(["a", "b"], context) !== 6) throw new Error();
 * // @ts-expect-error `double` wants a number, not words
 * pipeline(double).to(count);
 * ```
 */
export class Pipeline<Input, Output, Stages extends StageTypes> implements Stage<Input, Output> {
  readonly #stages: readonly Stage<unknown, unknown>[];

  /** Use {@link pipeline}. */
  constructor(stages: readonly Stage<unknown, unknown>[]) {
    this.#stages = stages;
  }

  /** The stages in order. */
  get stages(): readonly Stage<unknown, unknown>[] {
    return this.#stages;
  }

  /** The stages' names in order, such as `load → augment → mask`. */
  get name(): string {
    return this.#stages.map((stage) => stage.name).join(" → ");
  }

  /** This pipeline with one more stage at its end. */
  to<Next, const Name extends string>(
    stage: Stage<Output, Next> & { readonly name: Name },
  ): Pipeline<Input, Next, Stages & Record<Name, Stage<Output, Next>>> {
    return new Pipeline([...this.#stages, stage as Stage<unknown, unknown>]);
  }

  /** This pipeline with the named stage replaced by another of the same types. */
  replace<Name extends keyof Stages & string>(name: Name, stage: Stages[Name]): this {
    const stages = this.#stages.map((old) =>
      old.name === name ? stage as Stage<unknown, unknown> : old
    );
    return new Pipeline(stages) as this;
  }

  /**
   * Runs the stages in order. If none returns a promise, neither does this: the stages between the
   * start of a tape and the gradients must not be interrupted.
   */
  run(input: Input, context: StepContext): Output | Promise<Output> {
    let value: unknown = input;
    for (const [index, stage] of this.#stages.entries()) {
      // Stages before the queue have no backend to compute on.
      const watch = (context.on as Context | undefined)?.watch;
      watch?.enter(stage.name);
      value = context.stopwatch.time(stage.name, () => stage.run(value, context));
      watch?.stageOutput(value);
      if (value instanceof Promise) {
        const rest = new Pipeline<unknown, Output, Stages>(this.#stages.slice(index + 1));
        return value.then((settled) => rest.run(settled, context));
      }
    }
    return value as Output;
  }
}

/** Starts a pipeline with its first stage. */
export function pipeline<Input, Output, const Name extends string>(
  first: Stage<Input, Output> & { readonly name: Name },
): Pipeline<Input, Output, Record<Name, Stage<Input, Output>>> {
  return new Pipeline([first as Stage<unknown, unknown>]);
}

/** Runs stages while a tape is open; an error if one of them returns a promise. */
export function runWithoutWaiting<Input, Output>(
  stages: Stage<Input, Output>,
  input: Input,
  context: StepContext,
): Output {
  const output = stages.run(input, context);
  if (output instanceof Promise) {
    throw new Error(
      `Cannot train with the stages "${stages.name}": one of them returned a promise, and a tape ` +
        "cannot wait; move asynchronous work before the queue",
    );
  }
  return output;
}
