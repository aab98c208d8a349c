import assert from "node:assert/strict";
import type { Part } from "../../../../bench/webgpu/check/parts.ts";
import { type PartOutcome, runParts } from "../../../../bench/webgpu/check/run_parts.ts";

const keep = `
  Deno.writeTextFileSync(
    Deno.env.get("MIMIC_BENCH_RESULTS") + "/found.json",
    JSON.stringify({ command: "", results: { rate: 3 } }),
  );
  console.log("kept");
`;
const codes: Record<string, string> = {
  good: keep,
  wrong: `${keep} console.error("off by one"); Deno.exit(1);`,
  crash: `${keep} Deno.kill(Deno.pid, "SIGKILL");`,
  endless: `${keep} setInterval(() => {}, 1000);`,
};

async function run(limits: Record<string, number>, seconds: number): Promise<PartOutcome[]> {
  const parts: Part[] = Object.entries(limits).map(([name, limit]) => ({
    ...{ name, program: name, args: [], limit },
  }));
  const seen: number[] = [];
  const outcomes = await runParts(parts, {
    seconds,
    commandOf: ({ program }) => [Deno.execPath(), "eval", "--quiet", codes[program]],
    onOutcome: (outcomes) => seen.push(outcomes.length),
  });
  assert.deepEqual(seen, parts.map((_, index) => index + 1));
  return outcomes;
}

Deno.test("a part that fails or crashes leaves what it kept, and the next one runs", async () => {
  const outcomes = await run({ wrong: 60, crash: 60, good: 60 }, 1000);
  assert.deepEqual(outcomes.map(({ status }) => status), ["failed", "failed", "ok"]);
  for (const { results } of outcomes) assert.deepEqual(results, { found: { rate: 3 } });
  const [wrong, crash, good] = outcomes.map(({ message }) => message);
  assert.match(wrong!, /^exit code 1\n[^]*off by one/);
  assert.match(crash!, /^SIGKILL\n/);
  assert.equal(good, null);
});

Deno.test("a part is stopped at its limit", async () => {
  const [{ status, message, results }] = await run({ endless: 4 }, 1000);
  assert.equal(status, "stopped");
  assert.match(message!, /^stopped after 4 s/);
  assert.ok(Object.keys(results).length <= 1);
});

Deno.test("without time left no part is started", async () => {
  const [outcome] = await run({ good: 60 }, 5);
  assert.equal(outcome.status, "skipped");
  assert.match(outcome.message!, /no time was left of 5 s/);
});
