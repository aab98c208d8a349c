import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { LogReader } from "../../checkpoints/store/append_log.ts";
import { readRecords } from "../../checkpoints/store/event_file.ts";
import { lockFlag } from "../cli/_tasks.ts";
import { tinyTokenizerOverrides } from "../tasks/_tiny_tokenizer.ts";
import { tinyOverrides, withFolder, writeTinyTokenizer } from "../tasks/_tiny.ts";

const main = fileURLToPath(new URL("../../main.ts", import.meta.url));

function command(args: readonly string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", lockFlag, "--allow-all", main, ...args],
    stdout: "piped",
    stderr: "piped",
  });
}

/** Steps and losses that a run directory holds. */
function losses(directory: string): [number, number][] {
  const lines = Deno.readTextFileSync(`${directory}/metrics.jsonl`).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line)).map(({ step, loss }) => [step, loss]);
}

/** Times that TensorBoard's files of a run hold the numbers of a step; all that stands in them is whole. */
function tensorBoardSteps(directory: string, { isWhole }: { isWhole: boolean }): number {
  let steps = 0;
  for (const { name } of Deno.readDirSync(directory)) {
    if (!name.includes("tfevents")) continue;
    const bytes = Deno.readFileSync(`${directory}/${name}`);
    let end = 0;
    for (const record of readRecords(bytes)) {
      end = record.end;
      if (new TextDecoder().decode(record.content).includes("time/stepTime")) steps++;
    }
    if (isWhole) assert.equal(end, bytes.length, `${name} ends with a whole record`);
  }
  return steps;
}

/** Asserts that whatever killed a run, a reader finds whole things. */
function assertReadable(directory: string): void {
  for (const name of ["metrics.jsonl", "events.jsonl"]) {
    const lines = Deno.readTextFileSync(`${directory}/${name}`).split("\n").slice(0, -1);
    const records = [...new LogReader(`${directory}/${name}`).read()];
    assert.equal(records.length, lines.length, `every line of ${name} is a record`);
  }
  const page = Deno.readTextFileSync(`${directory}/report.html`);
  assert.ok(page.startsWith("<!doctype html>") && page.endsWith("</html>\n"), "the page is whole");
  assert.ok(tensorBoardSteps(directory, { isWhole: false }) > 0);
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
    assertReadable(killed);
    // The worst moments to be killed at: in the middle of a line, and of a record.
    for (const { name } of [...Deno.readDirSync(killed)]) {
      if (!/jsonl$|tfevents/.test(name)) continue;
      const path = `${killed}/${name}`;
      Deno.truncateSync(path, Deno.statSync(path).size - 3);
    }
    await run([task, "--resume", killed]);
    assert.equal(losses(killed).length, 30, `resumed after ${before} steps`);
    assert.deepEqual(losses(killed), losses(`${folder}/whole`));
    assertReadable(killed);
    assert.equal(tensorBoardSteps(killed, { isWhole: true }), 30, "each step once");
    const events = [...new LogReader(`${killed}/events.jsonl`).read()];
    const saved = events.filter(({ type }) => type === "checkpoint").map(({ step }) => step);
    assert.deepEqual(saved, [5, 10, 15, 20, 25, 30], "each checkpoint once");
    assert.match(Deno.readTextFileSync(`${killed}/report.html`), /finished.*30 \/ 30/s);
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
