/** A method, as a command runs it. */
import type { ConfigOf, Task } from "../../configs/schema.ts";
import type { TaskOptions, TaskOutcome, TaskRunner } from "./task_runner.ts";

/** Runs and plans a task's method, which is loaded on first use. */
export function methodRunner<T extends Task, Outcome extends TaskOutcome>(
  task: T,
): Omit<TaskRunner<T, Outcome>, "describe"> {
  const load = async () => {
    const { loadMethod } = await import("../../methods/mod.ts");
    return await loadMethod(task);
  };
  return {
    task,
    async run(config: ConfigOf<T>, options: TaskOptions): Promise<Outcome> {
      const { runMethod } = await import("../../pipeline/engine/run_method.ts");
      return await runMethod(await load(), config, options) as Outcome;
    },
    plan: async (config, options) => await (await load()).plan(config, options),
  };
}
