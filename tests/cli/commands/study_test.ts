import assert from "node:assert/strict";
import { Job } from "../../../cli/running/job.ts";
import { study } from "../../../cli/commands/study.ts";
import { UserError } from "../../../core/errors.ts";
import { writeTinyData } from "../../tasks/_tiny_model.ts";
import { tinyStudy } from "../../bench/study/_tiny_study.ts";

/** Runs the command; gives its exit code and what it printed. */
async function run(given: Record<string, unknown>) {
  const printed: string[] = [];
  let json: unknown;
  const flags = { data: [], teacher: [], dryRun: false, quiet: true, json: false, ...given };
  const code = await study.run({ flags, arguments: {} }, {
    signal: new AbortController().signal,
    job: new Job(),
    print: (line) => void printed.push(line),
    note: (line) => void printed.push(line),
    printJson: (value) => void (json = value),
  });
  return { code, printed, json };
}

Deno.test("study runs what a file says, lists what is done, and writes page, figures and results", async () => {
  const folder = await Deno.makeTempDir({ prefix: "mimic-study-" });
  try {
    const config = `${folder}/tiny.jsonc`;
    await Deno.writeTextFile(
      config,
      JSON.stringify(tinyStudy({
        comparisons: [{ dataset: "pictures", arms: ["scratch"], labels: 1, passes: [4, 8] }],
      })),
    );
    const flags = {
      config,
      data: [`pictures=${writeTinyData(folder)}`],
      out: `${folder}/runs`,
      page: `${folder}/docs/tiny.md`,
    };
    const before = await run({ ...flags, dryRun: true });
    assert.deepEqual(before.printed.map((line) => line.split("  ")[0]), ["left", "left", "left"]);
    await Deno.mkdir(`${folder}/docs/tiny`, { recursive: true });
    await Deno.writeTextFile(`${folder}/docs/tiny/notes.md`, "What we make of it.\n");
    const { json } = await run({ ...flags, json: true }) as { json: { parts: { id: string }[] } };
    assert.equal(json.parts.length, 3);
    const after = await run({ ...flags, dryRun: true });
    assert.deepEqual(after.printed.map((line) => line.split("  ")[0]), ["done", "done", "done"]);

    const page = await Deno.readTextFile(flags.page);
    assert.ok(
      page.includes("What we make of it.") && page.includes("(tiny/pictures-budgets-100.svg)"),
    );
    assert.ok(page.includes("--data pictures=data"), "the command, without this machine's folders");
    assert.match(await Deno.readTextFile(`${folder}/docs/tiny/pictures-budgets-100.svg`), /^<svg/);
    const results = JSON.parse(await Deno.readTextFile(`${folder}/docs/tiny/results.json`));
    assert.deepEqual(results.parts, json.parts);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("mistakes with study are told in one line with the way out", async () => {
  const fails = async (flags: Record<string, unknown>, message: RegExp) => {
    await assert.rejects(run(flags), (error: Error) => {
      assert.ok(error instanceof UserError, `${error.stack}`);
      assert.match(error.message, message);
      return true;
    });
  };
  await fails({ data: ["photos.zip"] }, /expected NAME=PATH; for example/);
  await fails({ config: "nowhere.jsonc" }, /nowhere\.jsonc.*no such file/);
  await fails(
    { data: ["photos=nowhere"] },
    /"photos" is not one of its data sets.*cifar10, sample/,
  );
});
