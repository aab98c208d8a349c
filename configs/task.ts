/**
 * What a kind of config is: its schema and everything that the command line, the documentation and
 * the resolution of recipes need to know about it. Each method declares its own next to its code
 * (`methods/<name>/config.ts`); `methods/mod.ts` lists them.
 *
 * @module
 */
import { z } from "../deps/zod.ts";
import { dataSection } from "./sections/data.ts";
import { batchSizeOf, runKeys } from "./sections/run.ts";

/** What every config holds, whatever its task: all that the engine reads of one. */
export const runSchema = z.object({
  task: z.string(),
  ...runKeys,
  data: dataSection,
  batchSize: batchSizeOf(1),
});

/** The part of a resolved config that is the same for every task. */
export type RunConfig = z.output<typeof runSchema>;

/** What the command line says of a task. */
export interface TaskWords {
  /** One line, without a full stop, for the list of commands. */
  readonly summary: string;
  /** Paragraphs of the help text. */
  readonly description: string;
  /** Command lines after `deno task `, each with what it does. */
  readonly examples: readonly (readonly [commandLine: string, does: string])[];
  /** What a run has done in the end: `Pretrained`, before `for 300 steps`. */
  readonly done: string;
}

/** What is known when sizes and length are chosen for somebody's own images. */
export interface Choosing {
  /** Images processed in pretraining, counting repetitions. */
  readonly passes: number;
  /** Peak learning rate of pretraining with the quick start's batch. */
  readonly lr: number;
  /** Width of the model that was chosen. */
  readonly embedDim: number;
  /** Config keys that make the model as large as was chosen. */
  readonly sizes: Readonly<Record<string, unknown>>;
  /** Images per step: the quick start's, or all there are. */
  readonly batch: number;
  /** Images per step as set by `--batch`; otherwise `batch`. */
  readonly givenBatch: number;
}

/** A task: a kind of config, identified by the value of its key `task`. */
export interface TaskDefinition<C extends RunConfig = RunConfig> {
  /** The value of `task` in its configs. */
  readonly name: C["task"];
  /** The run in words: `pretraining`. */
  readonly title: string;
  /** What its configs hold. */
  readonly schema: z.ZodType<C>;
  /** The recipe that is used if none is named. */
  readonly defaultRecipe: string;
  /** What the command line says about it. */
  readonly words: TaskWords;
  /**
   * Keys that it has because its sections are shared, but that nothing in it reads: the reference pages omit
   * them, and any value other than the default is an error.
   */
  readonly inertKeys?: readonly string[];
  /** Keys that `variant: mmselfsup` leaves unchanged, although it changes them in other tasks. */
  readonly unlikeMmselfsup?: readonly string[];
  /**
   * What is chosen besides the sizes of images and patches for somebody's own images without a recipe;
   * default: the sizes of the model.
   */
  choose?(choosing: Choosing): Readonly<Record<string, unknown>>;
}

/** Tasks by their names. */
// deno-lint-ignore no-explicit-any
export type Tasks = Readonly<Record<string, TaskDefinition<any>>>;

/** A config with the task's own keys. */
export type ConfigIn<T> = T extends TaskDefinition<infer C> ? C : never;

/**
 * The command that runs a task.
 *
 * @example
 * ```ts
 * import { commandOf } from "./task.ts";
 * if (commandOf("linearProbe") !== "linear-probe") throw new Error();
 * ```
 */
export function commandOf(task: string): string {
  return task.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
