import assert from "node:assert/strict";
import { Job } from "../../../cli/running/job.ts";
import { pretrain } from "../../../cli/commands/pretrain.ts";
import { UserError } from "../../../core/errors.ts";
import { withFolder } from "../../tasks/_tiny.ts";
import { tinyOverrides } from "../../tasks/_tiny.ts";
import { tinyTokenizerOverrides } from "../../tasks/_tiny_tokenizer.ts";

/** A recipe file of the tiny tokenizer. */
function writeRecipe(folder: string): string {
  const recipe: Record<string, unknown> = {};
  for (const override of tinyTokenizerOverrides) {
    const [path, value] = override.split("=");
    if (/^(data|backend|teacher)\./.test(path)) continue;
    const [key, ...sections] = path.split(".").reverse();
    let section = recipe;
    for (const name of sections.reverse()) {
      section = (section[name] ??= {}) as Record<string, unknown>;
    }
    section[key] = JSON.parse(value);
  }
  const hog = { fitImages: 40, localComponents: 8, globalComponents: 4 };
  const path = `${folder}/tiny.jsonc`;
  const content = { task: "tokenizer", extends: "vqkd_quickstart", ...recipe };
  Deno.writeTextFileSync(path, JSON.stringify({ ...content, teacher: { name: "hog", hog } }));
  return path;
}

/** Runs the command; gives the exit code, what it printed as JSON, and what it noted. */
async function run(
  recipe: string,
  out: string | undefined,
  given: { set?: string[]; signal?: AbortSignal } & Record<string, unknown> = {},
) {
  const { set = [], signal = new AbortController().signal, ...flags } = given;
  let json: unknown;
  const notes: string[] = [];
  const overrides = tinyOverrides("unused").filter((line) => !line.startsWith("tokenizer."));
  const code = await pretrain.run({
    flags: {
      config: [],
      set: [...overrides, `tokenizer.recipe=${recipe}`, ...set],
      out,
      resume: undefined,
      dryRun: false,
      quiet: true,
      json: true,
      hook: [],
      trainTokenizer: true,
      ...flags,
    },
    arguments: {},
  }, {
    signal,
    job: new Job(),
    print: () => {},
    note: (line) => void notes.push(line),
    printJson: (value) => void (json = value),
  });
  return { code, notes, result: json as { step: number; directory: string } };
}

const stepsIn = (directory: string) =>
  Deno.readTextFileSync(`${directory}/metrics.jsonl`).trimEnd().split("\n").length;
const changedAt = (path: string) => Deno.statSync(path).mtime!.getTime();

Deno.test("--train-tokenizer trains both, and the same command finds both done", async () => {
  await withFolder(async (folder) => {
    const [recipe, out] = [writeRecipe(folder), `${folder}/run`];
    const first = await run(recipe, out);
    assert.equal(first.code, 0);
    assert.equal(first.result.step, 12);
    assert.equal(stepsIn(`${out}/tokenizer`), 12);
    assert.equal(stepsIn(out), 12);
    const times = ["metrics.jsonl", "tokenizer/metrics.jsonl"].map((name) =>
      changedAt(`${out}/${name}`)
    );
    const second = await run(recipe, out);
    assert.deepEqual(second.result, first.result);
    assert.deepEqual(
      ["metrics.jsonl", "tokenizer/metrics.jsonl"].map((name) => changedAt(`${out}/${name}`)),
      times,
    );
    // Without the result only the evaluation is done again: no step is.
    Deno.removeSync(`${out}/result.json`);
    assert.deepEqual((await run(recipe, out)).result, first.result);
    assert.equal(stepsIn(out), 12);
    // A run of another config does not take its place.
    await assert.rejects(run(recipe, out, { set: ["optimizer.lr=1e-4"] }), UserError);
  });
});

Deno.test("--train-tokenizer goes on where either part was stopped", async () => {
  await withFolder(async (folder) => {
    const [recipe, out] = [writeRecipe(folder), `${folder}/run`];
    const whole = await run(recipe, `${folder}/whole`);
    const aborted = AbortSignal.abort();
    const stopped = await run(recipe, out, { signal: aborted });
    assert.equal(stopped.code, 130);
    assert.match(stopped.notes.join(), /of the tokenizer\. Run the same command to resume/);
    // The tokenizer is whole after this, and pretraining stops.
    await run(recipe, out, { set: ["schedule.maxSteps=5"] });
    assert.equal(stepsIn(out), 5);
    const { code, result } = await run(recipe, out);
    assert.equal(code, 0);
    assert.equal(result.step, whole.result.step);
    const losses = (directory: string) =>
      Deno.readTextFileSync(`${directory}/metrics.jsonl`).trimEnd().split("\n")
        .map((line) => JSON.parse(line).loss);
    assert.deepEqual(losses(`${out}/tokenizer`), losses(`${folder}/whole/tokenizer`));
    assert.deepEqual(losses(out), losses(`${folder}/whole`));
  });
});

Deno.test("mistakes with --train-tokenizer are told before anything is trained", async () => {
  await withFolder(async (folder) => {
    const [recipe, out] = [writeRecipe(folder), `${folder}/run`];
    const fails = async (given: Parameters<typeof run>[2], message: RegExp) => {
      await assert.rejects(run(recipe, out, given), (error: Error) => {
        assert.ok(error instanceof UserError, `${error.stack}`);
        assert.match(error.message, message);
        return true;
      });
      assert.throws(() => Deno.statSync(out), Deno.errors.NotFound);
    };
    await fails({ dryRun: true }, /--dry-run; `deno task tokenizer --dry-run`/);
    await fails({ resume: out }, /--resume; omit --resume: the same command/);
    await fails({ tokenizer: "pixels" }, /--tokenizer/);
    await fails({ set: ["model.codes=64"] }, /has 32 codes, and model\.codes is 64/);
  });
});
