import assert from "node:assert/strict";
import { runTask } from "../_tasks.ts";

const fixtures = "tests/fixtures/parity";

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "mimic-test-" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function copyFixture(file: string, folder: string): void {
  Deno.copyFileSync(new URL(`../../fixtures/parity/${file}`, import.meta.url), `${folder}/${file}`);
}

Deno.test("parity prints a line for each quantity, with both errors and the tolerance", async () => {
  await withFolder(async (folder) => {
    copyFixture("rel_pos.safetensors", folder);
    const page = `${folder}/page.md`;
    const { code, stdout, stderr } = await runTask("parity", [
      ...["--fixtures", folder, "--backend", "reference", "--backend", "cpu"],
      ...["--markdown", page],
    ]);
    assert.equal(code, 0);
    assert.match(stdout, /^ +file +quantity +max \|Δ\| +relative +tolerance$/m);
    assert.match(stdout, /^ok +rel_pos +2x3\.bias +0 +0 +exact$/m);
    const counts = [...stdout.matchAll(/^(\w+): (\d+) of (\d+) within tolerance$/gm)];
    assert.deepEqual(counts.map(([, backend]) => backend), ["reference", "cpu"]);
    for (const [, , within, all] of counts) assert.equal(within, all);
    assert.match(stderr, /^Comparing on reference: /m);
    const text = Deno.readTextFileSync(page);
    assert.match(text, /^\| file \| quantity \| tolerance \| reference \| cpu \|$/m);
    assert.match(text, /deno task parity --fixtures \S+ --backend reference --backend cpu --mark/);
  });
});

Deno.test("parity ends with exit code 1 where a number differs, and says which", async () => {
  await withFolder(async (folder) => {
    copyFixture("lr_schedules.json", folder);
    const file = `${folder}/lr_schedules.json`;
    const text = Deno.readTextFileSync(file);
    const changed = text.replace(/"0": [\d.e-]+/, '"0": 0.125');
    assert.notEqual(changed, text);
    Deno.writeTextFileSync(file, changed);
    const words = ["--fixtures", folder, "--backend", "reference"];
    const shown = await runTask("parity", [...words, "--failures"]);
    assert.equal(shown.code, 1);
    assert.match(shown.stdout, /^FAILED +lr_schedules +\S/m);
    const { code, stdout } = await runTask("parity", [...words, "--json"]);
    assert.equal(code, 1);
    const { ok, results } = JSON.parse(stdout);
    assert.equal(ok, false);
    const failed = results[0].rows.filter((row: { ok: boolean }) => !row.ok);
    assert.equal(failed.length, 1);
    assert.ok(failed[0].maxAbs > 0.1);
  });
});

Deno.test("parity's mistakes are one line with exit code 2", async () => {
  const mistakes: [words: string[], wanted: RegExp][] = [
    [["--fixtures", "nowhere"], /it does not exist/],
    [["--fixtures", "docs"], /holds no known fixture/],
    [["--fixtures", fixtures, "--backend", "abacus"], /abacus/],
  ];
  for (const [words, wanted] of mistakes) {
    const { code, stdout, stderr } = await runTask("parity", words);
    assert.equal(code, 2, words.join(" "));
    assert.equal(stdout, "");
    assert.match(stderr, /^error: [^\n]+\n$/m);
    assert.match(stderr, wanted);
  }
});
