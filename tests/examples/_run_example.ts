/** The examples as a user runs them, at the size of tests. */
import { fileURLToPath } from "node:url";
import { LogReader } from "../../checkpoints/store/append_log.ts";
import { latestCheckpoint, loadCheckpoint } from "../../checkpoints/store/store.ts";
import type { NamedValues } from "../../models/parameter_set.ts";
import { readValues } from "../../pipeline/weights/model_tensors.ts";
import { tinyOverrides } from "../tasks/_tiny.ts";

const root = new URL("../../", import.meta.url);

/** The text of a file of the project. */
export function textOf(path: string): string {
  return Deno.readTextFileSync(new URL(path, root));
}

/** Starts an example in a folder; what it says goes to its standard output. */
export function startExample(
  name: string,
  directory: string,
  tokenizer: string,
  more: readonly string[] = [],
): Deno.ChildProcess {
  const settings = [...tinyOverrides(tokenizer), "precision=float32", ...more];
  return new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-q", "--no-check", "--no-prompt", "-P=train"],
      ...[`examples/${name}.ts`, ...settings, `output=${directory}`],
    ],
    cwd: fileURLToPath(root),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs an example to its end; gives what it said. */
export async function runExample(...given: Parameters<typeof startExample>): Promise<string> {
  const { success, stdout, stderr } = await startExample(...given).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(decoder.decode(stderr));
  return decoder.decode(stdout);
}

/** Starts an example and kills it once it has done so many steps, as `kill -9` does. */
export async function killExample(
  atStep: number,
  ...given: Parameters<typeof startExample>
): Promise<void> {
  const child = startExample(...given);
  const ended = child.output();
  let hasEnded = false;
  ended.then(() => hasEnded = true);
  const log = `${given[1]}/metrics.jsonl`;
  while (!hasEnded && lossesOf(log).length < atStep) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  if (hasEnded) {
    throw new Error(`The run was over: ${new TextDecoder().decode((await ended).stderr)}`);
  }
  child.kill("SIGKILL");
  await ended;
}

/** Steps with their losses in a `metrics.jsonl`; none where there is no such file yet. */
export function lossesOf(path: string): (readonly [number, unknown])[] {
  try {
    return [...new LogReader(path).read()].map(({ step, loss }) => [step, loss] as const);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** A group of tensors (`model`, `optimizer`) of a run's last checkpoint. */
export async function groupOf(
  directory: string,
  group: string,
): Promise<ReadonlyMap<string, NamedValues>> {
  const file = await loadCheckpoint(latestCheckpoint(directory).checkpoint!.directory).open(group);
  try {
    return await readValues(file);
  } finally {
    file.close();
  }
}
