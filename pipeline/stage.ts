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

/** What every stage knows about the step it works on. */
export interface StepContext {
  /** Optimizer step, from 0. */
  readonly step: number;
  /** Which of this process's micro-batches in the step, from 0, and how many it has. */
  readonly microBatch: number;
  /** This process's micro-batches in the step. */
  readonly microBatches: number;
  /** Position in the step, over all ranks, of the micro-batch's first image: per-image draws start there. */
  readonly firstImage: number;
  /**
   * Random draws of the step; split it by the stage's name before drawing. A stage that draws per image starts
   * at `firstImage`, so that an image's draws do not depend on how a step is divided.
   */
  readonly generator: Generator;
  /** Counts the time of each stage. */
  readonly stopwatch: Stopwatch;
  /** Where to compute, and in which precision; before the queue there is no backend. */
  readonly on?: Context;
}

/** What a stage before the queue knows: it prepares bytes ahead of the step, and may return a promise. */
export interface HostContext extends StepContext {
  /** There is no device yet. */
  readonly on?: never;
  /** Aborted when the queue is closed: work in progress is no longer needed. */
  readonly signal: AbortSignal;
}

/** What a stage behind the queue knows: it computes on a device while gradients are recorded. */
export interface DeviceContext extends StepContext {
  /** Where to compute, and in which precision. */
  readonly on: Context;
  /** The micro-batch's share of the step, over all ranks; 0 if another rank has it too. */
  readonly share: number;
  /**
   * Runs `work` once the tape is closed, and before the next micro-batch: anything that waits for other ranks.
   * Pieces of work run one after another, in the order in which they are passed.
   */
  readonly afterTape: <T>(work: () => Promise<T>) => Promise<T>;
  /** Records what gradients are computed for; null outside training, where drop path is off as well. */
  readonly tape: Tape | null;
  /** For a stage that brings {@link Stage.parameters}: those parameters, by the names it gave them. */
  readonly parameters?: ParameterScope;
}

/**
 * One step in the data's path.
 *
 * @typeParam Input what it takes
 * @typeParam Output what it returns
 * @typeParam Own what it knows; default: what a stage behind the queue knows
 */
export interface Stage<Input, Output, Own extends StepContext = DeviceContext> {
  /** A verb: `load`, `augment`, `mask`, `tokenize`, `encode`, `loss`, `optimize`, or the user's own. */
  readonly name: string;
  /**
   * What the stage learns. In a run these parameters are trained, saved and resumed like the model's own, and
   * the stage finds them in {@link DeviceContext.parameters}.
   */
  readonly parameters?: readonly ParameterSpec[];
  /** A property rather than a method, so that inputs and contexts are type-checked strictly. */
  readonly run: (input: Input, context: Own) => Output | Promise<Output>;
}

/** A stage before the queue: `load`, `augment`, `mask`. It learns nothing. */
export interface HostStage<Input, Output> extends Stage<Input, Output, HostContext> {
  /** Parameters live on a device. */
  readonly parameters?: never;
}

/** Stages connected by name: the engine is the same for all types of batches. */
// deno-lint-ignore no-explicit-any
export type AnyStage = Stage<any, any, any>;

/** Stages by name, for the types of {@link Pipeline.replace}. */
export type StageTypes = Record<string, AnyStage>;

/**
 * A typed list of stages, itself a stage.
 *
 * @example Two stages in the order their types allow
 * ```ts
 * import { type HostContext, pipeline } from "./stage.ts";
 * import { Stopwatch } from "../core/clock.ts";
 * import { Generator } from "../core/generator.ts";
 *
 * const count = { name: "count", run: (words: string[], _: HostContext) => words.length } as const;
 * const double = { name: "double", run: (n: number) => 2 * n } as const;
 * const both = pipeline(count).to(double);
 * const context: HostContext = {
 *   ...{ step: 0, microBatch: 0, microBatches: 1, firstImage: 0 },
 *   generator: Generator.from(1),
 *   stopwatch: new Stopwatch(),
 *   signal: new AbortController().signal,
 * };
 * if (await both.run(["a", "b"], context) !== 4) throw new Error();
 *
 * const tripled = both.replace("double", { name: "triple", run: (n: number) => 3 * n });
 * if (await tripled.run(["a", "b"], context) !== 6) throw new Error();
 * // @ts-expect-error `double` wants a number, not words
 * pipeline(double).to(count);
 * ```
 */
export class Pipeline<
  Input,
  Output,
  Stages extends StageTypes,
  Own extends StepContext = DeviceContext,
> implements Stage<Input, Output, Own> {
  readonly #stages: readonly AnyStage[];

  /** Use {@link pipeline}. */
  constructor(stages: readonly AnyStage[]) {
    this.#stages = stages;
  }

  /** The stages in order. */
  get stages(): readonly AnyStage[] {
    return this.#stages;
  }

  /** The stages' names in order, such as `load → augment → mask`. */
  get name(): string {
    return this.#stages.map((stage) => stage.name).join(" → ");
  }

  /** This pipeline with one more stage at its end, which works on the same side of the queue. */
  to<Next, const Name extends string, Wanted extends Own = Own>(
    stage: Stage<Output, Next, Wanted> & { readonly name: Name },
  ): Pipeline<Input, Next, Stages & Record<Name, Stage<Output, Next, Wanted>>, Wanted> {
    return new Pipeline([...this.#stages, stage]);
  }

  /** This pipeline with the named stage replaced by another of the same types. */
  replace<Name extends keyof Stages & string>(
    name: Name,
    stage: Stages[Name],
  ): Pipeline<Input, Output, Stages, Own> {
    return new Pipeline(this.#stages.map((old) => old.name === name ? stage : old));
  }

  /**
   * Runs the stages in order. If none returns a promise, neither does this: the stages between the
   * start of a tape and the gradients must not be interrupted.
   */
  readonly run = (input: Input, context: Own): Output | Promise<Output> => {
    return runFrom(this.#stages, 0, input, context);
  };
}

/** Runs the stages from `first` on; their types were checked when they were put together. */
function runFrom<Output>(
  stages: readonly AnyStage[],
  first: number,
  input: unknown,
  context: StepContext,
): Output | Promise<Output> {
  let value: ReturnType<AnyStage["run"]> = input;
  for (let index = first; index < stages.length; index++) {
    const stage = stages[index];
    const watch = context.on?.watch;
    watch?.enter(stage.name);
    value = context.stopwatch.time(stage.name, () => stage.run(value, context));
    watch?.stageOutput(value);
    if (value instanceof Promise) {
      return value.then((settled) => runFrom<Output>(stages, index + 1, settled, context));
    }
  }
  return value;
}

/** Starts a pipeline with its first stage; if that ignores its context, it is one behind the queue. */
export function pipeline<
  Input,
  Output,
  const Name extends string,
  Own extends StepContext = DeviceContext,
>(
  first: Stage<Input, Output, Own> & { readonly name: Name },
): Pipeline<Input, Output, Record<Name, Stage<Input, Output, Own>>, Own> {
  return new Pipeline([first]);
}

/** Runs stages while a tape is open; an error if one of them returns a promise. */
export function runWithoutWaiting<Input, Output>(
  stages: Stage<Input, Output>,
  input: Input,
  context: DeviceContext,
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
