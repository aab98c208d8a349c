/** A method, as a command runs it. */
import { type ConfigOf, loadMethod, type Task, tasks } from "../../methods/mod.ts";
import type { RunOutcome } from "../../pipeline/engine/method.ts";
import { describeLength } from "../screen/run_length.ts";
import type { TaskOptions, TaskRunner } from "./task_runner.ts";

/** Runs and plans a task's method, which is loaded on first use. */
export function methodRunner<T extends Task>(task: T): TaskRunner<T> {
  return {
    task,
    async run(config: ConfigOf<T>, options: TaskOptions): Promise<RunOutcome> {
      const { runMethod } = await import("../../pipeline/engine/run_method.ts");
      return await runMethod(await loadMethod(task), config, options);
    },
    plan: async (config, options) => await (await loadMethod(task)).plan(config, options),
    measureWhole: async (config, options) =>
      await (await loadMethod(task)).measureWhole?.(config, options) ?? null,
    stepsOnly: async (config) => (await loadMethod(task)).stepsOnly?.(config) ?? config,
    async describe(result, length) {
      const outcome = result as RunOutcome;
      const { step, loss, directory } = outcome;
      const { table, ending = "", place = `Everything is in ${directory}` } =
        (await loadMethod(task)).describe?.(outcome) ??
          { table: [], ending: loss === null ? "" : `, loss ${loss.toPrecision(4)}` };
      return [...table, describeLength(tasks[task].words.done, step, length) + ending, place];
    },
  };
}
