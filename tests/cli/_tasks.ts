/** Runs a task of deno.json as `deno task` does: with its own permissions and no others. */
import { fileURLToPath } from "node:url";

const root = new URL("../../", import.meta.url);

const project = JSON.parse(Deno.readTextFileSync(new URL("deno.json", root))) as {
  tasks: Record<string, { command: string }>;
};

/** The packages of all that tests run; a program that they start knows of no other lock file. */
export const lockFlag = `--lock=${fileURLToPath(new URL("deno.lock", root))}`;

/** What a task wrote, and its exit code. */
export interface TaskOutput {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The words of a task's command line after `deno`. */
export function taskWords(name: string): string[] {
  return project.tasks[name].command.split(" ").slice(1);
}

/** Runs Deno in the project's folder. */
export async function runDeno(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<TaskOutput> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: root,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Runs a task with words behind it. */
export async function runTask(
  name: string,
  words: readonly string[],
  env: Record<string, string> = {},
): Promise<TaskOutput> {
  return await runDeno([...taskWords(name), ...words], env);
}
