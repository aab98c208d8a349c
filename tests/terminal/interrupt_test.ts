import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { latestCheckpoint } from "../../checkpoints/store/store.ts";
import { assertTidy, runInTerminal, Session, terminalTest } from "./_terminal.ts";

const cwd = fileURLToPath(new URL("../../", import.meta.url));

/** A network of a few thousand parameters; steps that a key can hit. */
const tiny = [
  "model.embedDim=32",
  "model.heads=2",
  "model.depth=2",
  "model.earlyLayers=1",
  "model.headLayers=1",
  "backend.name=cpu",
].map((set) => `--set ${set}`).join(" ");

const ctrlC = "\x03";

async function withRun(test: (run: string, command: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "mimic-terminal-" });
  try {
    const run = `${folder}/run`;
    await test(run, `deno task pretrain ${tiny} --out ${run}`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The command that the last words on a screen recommend. */
function advised(lines: readonly { readonly text: string }[]): string {
  const words = lines.slice(-2).map(({ text }) => text).join("\n");
  const advice = words.match(/Resume with:\s+(deno task .*)$/)?.[1];
  assert.ok(advice !== undefined, words);
  return advice;
}

terminalTest("Ctrl-C before the first step: the advice works", async () => {
  await withRun(async (run, command) => {
    const session = new Session(command, { cwd });
    await session.see(/not used|Computing|Planned/);
    await session.type(ctrlC);
    const ended = await session.end();
    assert.equal(ended.code, 130);
    assertTidy(ended, command);
    assert.match(ended.raw, /Interrupted/);
    const last = ended.screen.lines().at(-1)!.text;
    const next = latestCheckpoint(run).checkpoint === undefined
      ? command
      : advised(ended.screen.lines());
    if (next === command) assert.match(last, /before anything was saved: run the same command/);
    const again = await runInTerminal(`${next} --max-steps 2`, { cwd });
    assert.equal(again.code, 0);
    assert.ok(latestCheckpoint(run).checkpoint !== undefined);
  });
});

terminalTest("Ctrl-C in a step saves it, and what is advised goes on from there", async () => {
  await withRun(async (run, command) => {
    const session = new Session(command, { cwd });
    await session.see(/step \d+\/1200/);
    await session.type(ctrlC);
    const ended = await session.end();
    assert.equal(ended.code, 130);
    assertTidy(ended, command);
    const step = latestCheckpoint(run).checkpoint!.step;
    const again = await runInTerminal(`${advised(ended.screen.lines())} --max-steps ${step + 1}`, {
      cwd,
    });
    assert.equal(again.code, 0);
    assert.match(again.raw, new RegExp(`Resuming after step ${step}`));
  });
});

terminalTest("Ctrl-C twice ends at once, and leaves no half line", async () => {
  await withRun(async (_run, command) => {
    const session = new Session(command, { cwd });
    await session.see(/step \d+\/1200/);
    await session.type(ctrlC);
    await session.see(/Press again to stop immediately/);
    await new Promise((resolve) => setTimeout(resolve, 700));
    await session.type(ctrlC).catch(() => {});
    const ended = await session.end();
    assert.equal(ended.code, 130);
    assertTidy(ended, command);
  });
});

terminalTest(
  "Ctrl-C in the final evaluation loses no step; what is advised evaluates",
  async () => {
    await withRun(async (run, command) => {
      const session = new Session(
        `${command} --set schedule.steps=2 --set evaluation.linear.atEnd=false`,
        { cwd },
      );
      await session.see(/step 2\/2/);
      while (latestCheckpoint(run).checkpoint?.step !== 2) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await new Promise((resolve) => setTimeout(resolve, 300));
      await session.type(ctrlC);
      const ended = await session.end();
      assert.equal(ended.code, 130);
      assertTidy(ended, command);
      assert.match(ended.raw, /Interrupted during evaluation; all 2 steps are saved/);
      assert.throws(() => Deno.statSync(`${run}/result.json`), Deno.errors.NotFound);
      const again = await runInTerminal(advised(ended.screen.lines()), { cwd, timeout: 400 });
      assert.equal(again.code, 0);
      assert.match(again.raw, /this model +\d/);
      assert.ok(Deno.statSync(`${run}/result.json`).size > 0);
    });
  },
);

terminalTest("a terminal that is closed saves the run", async () => {
  await withRun(async (run, command) => {
    const session = new Session(command, { cwd });
    await session.see(/step \d+\/1200/);
    session.close();
    for (let waited = 0; latestCheckpoint(run).checkpoint === undefined; waited++) {
      assert.ok(waited < 300, "no checkpoint after 30 s");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  });
});

terminalTest("the playground is served without a question, until Ctrl-C", async () => {
  const command = "deno task playground 0";
  const session = new Session(command, { cwd });
  await session.see(/http:\/\/127\.0\.0\.1:\d+/);
  await session.type(ctrlC);
  const ended = await session.end();
  assert.equal(ended.code, 130);
  assertTidy(ended, command);
});
