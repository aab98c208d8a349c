import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Generator } from "../../core/generator.ts";
import { mutate } from "../../tools/soak/mutate.ts";
import { type SoakReport, withResults } from "../../tools/soak/report.ts";
import { compareRuns, type RunRecord } from "../../tools/soak/run_record.ts";
import { mpiTest } from "../distributed/_mpirun.ts";

const root = new URL("../../", import.meta.url);

/** Runs the soak; gives its result. */
async function soak(words: readonly string[]): Promise<{ code: number; report: SoakReport }> {
  const json = await Deno.makeTempFile({ suffix: ".json" });
  try {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "--no-check", "-A", "tools/soak/mod.ts", ...words, "--json", json],
      cwd: fileURLToPath(root),
      stdin: "null",
    }).output();
    const text = await Deno.readTextFile(json);
    assert.notEqual(text, "", new TextDecoder().decode(stderr));
    return { code, report: JSON.parse(text) };
  } finally {
    await Deno.remove(json);
  }
}

/** Asserts that a soak of so many cases has found nothing. */
async function findsNothing(parts: Record<string, number>): Promise<void> {
  const words = Object.entries(parts).map(([name, cases]) => `${name}=${cases}`);
  const { code, report } = await soak([...words, "--seed", "17"]);
  assert.deepEqual(report.parts.flatMap(({ findings }) => findings), []);
  assert.equal(code, 0);
  assert.deepEqual(report.parts.map(({ name }) => name), Object.keys(parts));
  for (const { name, cases } of report.parts) assert.ok(cases >= parts[name], name);
}

Deno.test("soak: damaged configs, checkpoints, images and archives", async () => {
  await findsNothing({ configs: 25, checkpoints: 400, images: 400, archives: 400 });
});

Deno.test("soak: flipped bits", async () => {
  await findsNothing({ flips: 5 });
});

Deno.test("soak: kills and signals", async () => {
  await findsNothing({ kills: 5, signals: 3 });
});

mpiTest("soak: kills over ranks", async () => {
  await findsNothing({ ranks: 2 });
});

Deno.test("damage follows from the seed", () => {
  const bytes = Uint8Array.from({ length: 5000 }, (_, index) => index);
  const damaged = (seed: number) => mutate(bytes, Generator.from(seed));
  assert.deepEqual(damaged(1), damaged(1));
  let changed = 0;
  for (let seed = 0; seed < 100; seed++) {
    if (damaged(seed).length !== bytes.length || damaged(seed).some((b, i) => b !== bytes[i])) {
      changed++;
    }
  }
  assert.ok(changed > 90, `${changed}`);
});

Deno.test("a run that lost, repeated or changed anything is told from one that did not", () => {
  const whole: RunRecord = {
    losses: ["1 0.5", "2 0.25"],
    evaluations: ["features 2 {}"],
    checkpoints: [2],
    tensorBoard: ["step", "step"],
    saved: 2,
    broken: 0,
    result: "{}",
  };
  assert.deepEqual(compareRuns(whole, whole, false), []);
  const others: Partial<RunRecord>[] = [
    { losses: ["1 0.5"] },
    { losses: ["1 0.5", "2 0.25", "2 0.25"] },
    { losses: ["1 0.5", "2 0.2500001"] },
    { evaluations: [] },
    { evaluations: ["features 2 {}", "features 2 {}"] },
    { checkpoints: [2, 2] },
    { checkpoints: [] },
    { tensorBoard: ["step"] },
    { saved: 1 },
    { broken: 1 },
    { result: null },
  ];
  for (const other of others) {
    assert.notDeepEqual(
      compareRuns({ ...whole, ...other }, whole, false),
      [],
      Object.keys(other)[0],
    );
  }
  assert.deepEqual(compareRuns({ ...whole, checkpoints: [1, 2] }, whole, true), []);
});

/** Cases of a whole soak. */
const whole: Readonly<Record<string, number>> = {
  kills: 400,
  ranks: 100,
  signals: 150,
  flips: 450,
  configs: 1500,
  checkpoints: 12_000,
  images: 10_000,
  archives: 10_000,
  bombs: 60,
};

Deno.test("docs/reliability.md shows the result beside it, of whole soaks that found nothing", () => {
  const read = (ending: string) =>
    Deno.readTextFileSync(new URL(`docs/reliability.${ending}`, root));
  const report = JSON.parse(read("json")) as SoakReport;
  assert.equal(read("md"), withResults(read("md"), report));
  assert.deepEqual(report.parts.flatMap(({ findings }) => findings), []);
  for (const { name, cases } of report.parts) assert.ok(cases >= whole[name], `${name}: ${cases}`);
});

Deno.test("soak: words that it does not know are refused", async () => {
  for (const words of [["kill"], ["kills=x"], ["--seed", "x"], ["--minutes", "0"]]) {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "--no-check", "-A", "tools/soak/mod.ts", ...words],
      cwd: fileURLToPath(root),
      stdin: "null",
    }).output();
    assert.equal(code, 2);
    assert.match(new TextDecoder().decode(stderr), /^error: .*\n$/);
  }
});
