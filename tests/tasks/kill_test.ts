import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { tinyTokenizerOverrides } from "./_tiny_tokenizer.ts";
import { tinyOverrides, withFolder, writeTinyTokenizer } from "./_tiny.ts";

const main = fileURLToPath(new URL("../../main.ts", import.meta.url));

function command(args: readonly string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--allow-all", main, ...args],
    stdout: "piped",
    stderr: "piped",
  });
}

/** Steps and losses that a run directory holds. */
function losses(directory: string): [number, number][] {
  const lines = Deno.readTextFileSync(`${directory}/metrics.jsonl`).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line)).map(({ step, loss }) => [step, loss]);
}

async function run(args: readonly string[]): Promise<void> {
  const { code, stderr } = await command(args).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
}

/** Trains 30 steps in one go, and again with a kill after 17. */
async function comparesKilled(task: string, overrides: readonly string[]): Promise<void> {
  await withFolder(async (folder) => {
    const settings = [...overrides, "schedule.steps=30"].flatMap((key) => ["--set", key]);
    await run([task, ...settings, "--out", `${folder}/whole`]);

    const killed = `${folder}/killed`;
    const child = command([task, ...settings, "--out", killed]).spawn();
    const drained = Promise.all([child.stdout.cancel(), child.stderr.cancel()]);
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      try {
        if (losses(killed).length >= 17) break;
      } catch {
        // Not there yet, or in the middle of a line.
      }
    }
    child.kill("SIGKILL");
    await child.status;
    await drained;
    const before = losses(killed).length;
    await run([task, "--resume", killed]);
    assert.equal(losses(killed).length, 30, `resumed after ${before} steps`);
    assert.deepEqual(losses(killed), losses(`${folder}/whole`));
  });
}

Deno.test("train 30, and train 17, kill -9, resume to 30: the losses are bitwise equal", async () => {
  await withFolder(async (folder) => {
    const tokenizer = await writeTinyTokenizer(folder);
    await comparesKilled("pretrain", [...tinyOverrides(tokenizer), "model.dropPathRate=0.1"]);
  });
});

Deno.test("a tokenizer that is killed and resumed has bitwise the same losses", async () => {
  await comparesKilled("tokenizer", tinyTokenizerOverrides);
});
