/** The command of a method: what the method declares, plus the flags of every training command. */
import { commandOf } from "../../configs/task.ts";
import { type Task, tasks } from "../../methods/mod.ts";
import { type Command, type CommandContext, defineCommand, type Flag } from "../parsing/command.ts";
import { modelFlags, recipeFlags, shortcutFlags } from "../parsing/config_flags.ts";
import { methodRunner } from "../running/method_runner.ts";
import { runFlags, type RunFlagValues } from "../running/run_flags.ts";
import { runTask } from "../running/run_task.ts";
import type { TaskRunner } from "../running/task_runner.ts";

/** What one method's command does in addition to what all do. */
export interface OwnCommand<T extends Task> {
  readonly flags?: Readonly<Record<string, Flag>>;
  /** @param runner runs and plans the method */
  run?(flags: RunFlagValues, context: CommandContext, runner: TaskRunner<T>): Promise<number>;
}

/** The command that runs, plans and resumes a method. */
export function methodCommand<T extends Task>(task: T, own: OwnCommand<T> = {}): Command {
  const { schema, inertKeys = [], words: { summary, description, examples } } = tasks[task];
  return defineCommand({
    name: commandOf(task),
    ...{ summary, description, examples },
    flags: {
      ...recipeFlags(schema),
      ...shortcutFlags(schema, inertKeys),
      ...modelFlags(schema),
      ...own.flags,
      ...runFlags,
    },
    async run({ flags }, context) {
      const runner = methodRunner(task);
      // What the flags of a task are is known by its schema alone.
      const given = flags as unknown as RunFlagValues;
      return await (own.run?.(given, context, runner) ?? runTask(runner, given, context));
    },
  });
}
