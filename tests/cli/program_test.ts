import assert from "node:assert/strict";
import { commands } from "../../cli/commands/mod.ts";
import { lockFlag } from "./_tasks.ts";
import { complete } from "../../cli/commands/completion.ts";

const root = new URL("../../", import.meta.url);
const program = new URL("./_interruptible.ts", import.meta.url).pathname;

interface Output {
  code: number;
  stdout: string;
  stderr: string;
}

async function run(
  script: string,
  words: string[],
  env: Record<string, string> = {},
): Promise<Output> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      lockFlag,
      "--allow-read",
      "--allow-env=MIMIC_DEBUG",
      script,
      ...words,
    ],
    cwd: root,
    env,
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

Deno.test("help goes to stdout with exit code 0", async () => {
  for (const words of [[], ["--help"], ["help", "config"], ["config", "print", "-h"]]) {
    const { code, stdout, stderr } = await run("main.ts", words);
    assert.equal(code, 0);
    assert.match(stdout, /deno task/);
    assert.equal(stderr, "");
  }
});

Deno.test("a user's mistake is one line on stderr with exit code 2", async () => {
  const mistakes = [
    ["confg"],
    ["config", "prnt"],
    ["config", "print", "quickstrt"],
    ["config", "print", "--bogus"],
    ["config", "print", "--set", "optimzer.lr=1"],
    ["config", "print", "--set", "optimizer.lr=fast"],
    ["completion", "tcsh"],
  ];
  for (const words of mistakes) {
    const { code, stdout, stderr } = await run("main.ts", words);
    assert.equal(code, 2, words.join(" "));
    assert.equal(stdout, "");
    assert.match(stderr, /^error: [^\n]+\n$/);
  }
});

Deno.test("--json is exactly one JSON document", async () => {
  const print = await run("main.ts", ["config", "print", "--json", "--origins"]);
  const { config, origins } = JSON.parse(print.stdout);
  assert.equal(config.task, "pretrain");
  assert.match(origins["optimizer.lr"], /^quickstart\.jsonc:\d+$/);
  const list = await run("main.ts", ["config", "list", "--json"]);
  assert.equal(JSON.parse(list.stdout)[0].name, "quickstart");
  const diff = await run("main.ts", ["config", "diff", "quickstart", "quickstart", "--json"]);
  assert.deepEqual(JSON.parse(diff.stdout), []);
});

Deno.test("config print shows every value with its origin", async () => {
  const { stdout } = await run("main.ts", ["config", "print", "--batch", "8", "--origins"]);
  assert.match(stdout, /^batchSize +8 +--batch$/m);
  assert.match(stdout, /^optimizer\.weightDecay +0\.05 +quickstart\.jsonc:\d+$/m);
  assert.match(stdout, /^augment\.size +32 +derived from model\.imageSize$/m);
});

Deno.test("an error that is nobody's mistake asks for a report, with the stack on demand", async () => {
  const plain = await run(program, ["break"]);
  assert.equal(plain.code, 1);
  assert.match(plain.stderr, /^error: it broke\nThis is a bug in mimic\. .*doctor/);
  assert.doesNotMatch(plain.stderr, /\bat .*\.ts:/);
  const debug = await run(program, ["break"], { MIMIC_DEBUG: "1" });
  assert.match(debug.stderr, /\bat .*_interruptible\.ts:/);
});

Deno.test("a missing permission is the user's to give", async () => {
  const { code, stderr } = await run(program, ["write"]);
  assert.equal(code, 2);
  assert.match(stderr, /^error: [^\n]*--allow-write[^\n]*\n$/);
});

Deno.test("a command's own exit code is kept", async () => {
  assert.equal((await run(program, ["fail"])).code, 1);
});

/** Starts the waiting command and sends signals, each so long after the next line on stderr. */
async function interrupt(
  signals: Deno.Signal[],
  words: string[],
  milliseconds = 0,
): Promise<Output> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", lockFlag, "--allow-read", program, ...words],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let stderr = "";
  let waits = 0;
  for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
    stderr += text;
    const lines = stderr.split("\n").filter((line) => /^(waiting|Stopping)/.test(line)).length;
    while (waits < lines && waits < signals.length) {
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      child.kill(signals[waits++]);
    }
  }
  const stdout = await new Response(child.stdout).text();
  return { code: (await child.status).code, stdout, stderr };
}

Deno.test("the first Ctrl-C lets the command save, with exit code 130", async () => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    const { code, stdout, stderr } = await interrupt([signal], ["wait"]);
    assert.equal(code, 130);
    assert.equal(stdout, "saved\n");
    assert.match(stderr, /Stopping: finishing the step and saving/);
  }
});

Deno.test("the second Ctrl-C ends at once", async () => {
  const { code, stdout } = await interrupt(["SIGINT", "SIGINT"], ["wait", "--stubborn"], 700);
  assert.equal(code, 130);
  assert.equal(stdout, "");
});

Deno.test("a key press that npx and deno task hand on once more is one Ctrl-C", async () => {
  const { code, stdout, stderr } = await interrupt(["SIGINT", "SIGINT"], ["wait", "--slow"]);
  assert.equal(code, 130);
  assert.equal(stdout, "saved\n");
  assert.doesNotMatch(stderr, /Stopped immediately/);
});

Deno.test("a reader that goes away is no error", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", lockFlag, "--allow-read", "main.ts", "config", "schema"],
    cwd: root,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await child.stdout.cancel();
  const stderr = await new Response(child.stderr).text();
  assert.equal((await child.status).code, 0);
  assert.equal(stderr, "");
});

Deno.test("the shell's requests for words are answered", async () => {
  const requests: [words: string[], wanted: RegExp][] = [
    [["conf"], /^config$/],
    [["config", "p"], /^print$/],
    [["config", "print", "--mic"], /^--micro-batch$/],
    [["config", "print", "--precision", "am"], /^amp$/],
    [["config", "print", "--config", "quick"], /^quickstart$/],
    [["config", "print", "--set", "mask.m"], /^mask\.maskedPatches=\nmask\.minBlock=\n/],
    [["nothing", "x"], /^$/],
  ];
  for (const [words, wanted] of requests) assert.match(complete("bash", words, commands), wanted);
  for (const shell of ["zsh", "fish"]) assert.match(complete(shell, ["conf"], commands), /config/);
  const asked = await run("main.ts", ["completion", "bash", "config", "pr"]);
  assert.equal(asked.stdout, "print");
  for (const shell of ["bash", "zsh", "fish"]) {
    const { stdout } = await run("main.ts", ["completion", shell]);
    assert.match(stdout, new RegExp(`mimic[\\s\\S]*completion[\\s\\S]*${shell}`));
  }
});
