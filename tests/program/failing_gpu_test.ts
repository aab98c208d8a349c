import assert from "node:assert/strict";
import { hasAdapter } from "../backends/webgpu/_adapter.ts";
import { tinyOverrides, withFolder, writeTinyTokenizer } from "../tasks/_tiny.ts";
import { lockFlag, runDeno } from "../cli/_tasks.ts";

/** Steps and losses that a run directory holds. */
function losses(directory: string): [number, number][] {
  const lines = Deno.readTextFileSync(`${directory}/metrics.jsonl`).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line)).map(({ step, loss }) => [step, loss]);
}

async function settings(folder: string): Promise<string[]> {
  const tokenizer = await writeTinyTokenizer(folder);
  const overrides = [...tinyOverrides(tokenizer), "backend.name=webgpu", "log.report=false"];
  return ["pretrain", ...overrides.flatMap((key) => ["--set", key]), "--micro-batch", "2"];
}

const run = ["run", "--no-check", lockFlag, "--allow-all"];

async function comparesFailed(
  fault: "lose" | "refuse",
  check: (error: string, directory: string) => string,
): Promise<void> {
  await withFolder(async (folder) => {
    const words = await settings(folder);
    const whole = await runDeno([...run, "main.ts", ...words, "--out", `${folder}/whole`]);
    assert.equal(whole.code, 0, whole.stderr);

    const directory = `${folder}/failed`;
    const program = "tests/cli/_failing_gpu.ts";
    const failed = await runDeno(
      [...run, program, fault, directory, ...words, "--out", directory],
    );
    assert.equal(failed.code, 2, failed.stderr);
    const error = failed.stderr.trimEnd().split("\n").at(-1)!;
    const command = check(error, directory);
    assert.ok(losses(directory).length < 12, "the fault came before the end");

    const resumed = await runDeno([...run, "main.ts", ...command.split(" ")]);
    assert.equal(resumed.code, 0, resumed.stderr);
    assert.match(resumed.stderr, /Resuming after step 5/);
    const [expected, found] = [losses(`${folder}/whole`), losses(directory)];
    assert.deepEqual(found.map(([step]) => step), expected.map(([step]) => step));
    // Sums over micro-batches of another size, and those of a GPU's threads, differ in the last bits.
    for (const [index, [step, loss]] of expected.entries()) {
      assert.ok(
        Math.abs(found[index][1] - loss) < 1e-3 * loss,
        `step ${step}: ${found[index][1]}, ${loss}`,
      );
    }
  });
}

Deno.test({
  name: "a run whose GPU is lost says how to go on, and does so with the same losses",
  ignore: !hasAdapter,
  async fn() {
    await comparesFailed("lose", (error, directory) => {
      const words = `pretrain --resume ${directory}`;
      assert.match(error, /^error: The GPU was lost \(.+\) with \d+ MiB allocated, the latest /);
      assert.ok(error.endsWith(`: deno task ${words}`), error);
      return words;
    });
  },
});

Deno.test({
  name: "a run that is out of memory names the tensor and goes on with a smaller micro-batch",
  ignore: !hasAdapter,
  async fn() {
    await comparesFailed("refuse", (error, directory) => {
      const words = `pretrain --resume ${directory} --micro-batch 1`;
      assert.match(
        error,
        /^error: Cannot allocate 1 MiB on the GPU for .*(float|int)32 \[[\d, ]+\]: /,
      );
      assert.match(error, /lower --micro-batch, or raise --recompute: /);
      assert.ok(error.endsWith(`: deno task ${words}`), error);
      return words;
    });
  },
});
