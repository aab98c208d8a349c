/** Hints about permissions, which only a process of its own lacks. */
import assert from "node:assert/strict";
import { lockFlag, runDeno, runTask } from "../cli/_tasks.ts";
import { writeTinyData } from "../tasks/_tiny_model.ts";

/** The words behind `deno` that a hint recommends. */
function recommended(message: string, command: RegExp): string[] {
  const found = message.match(command);
  assert.ok(found !== null, message);
  const [, ...words] = found[0].trim().split(" ");
  return words;
}

Deno.test("a server that the task may not reach: the command of the hint may", async () => {
  const folder = await Deno.makeTempDir({ prefix: "mimic-hints-" });
  try {
    const keys = ["imageSize=16", "patchSize=4", "embedDim=16", "depth=1", "heads=2"];
    const words = [
      ...["--data", writeTinyData(folder), "--backend", "cpu", "--threads", "1", "--workers", "0"],
      ...["--batch", "6", "--max-steps", "1", "--quiet", "--out", `${folder}/run`],
      ...keys.flatMap((key) => ["--set", `model.${key}`]),
      ...["--set", "augment.testResize=18"],
    ];
    const refused = await runTask("finetune", [...words, "--log", "mlflow"]);
    assert.equal(refused.code, 2, refused.stderr);
    const next = recommended(refused.stderr, /deno run -A main\.ts finetune --log mlflow\n/);
    const [run, ...rest] = next;
    const { code, stderr } = await runDeno([run, "--no-check", lockFlag, ...rest, ...words]);
    // No server listens there: that is a warning.
    assert.equal(code, 0, stderr);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("serve on another address: the command of the hint listens there", async () => {
  const folder = await Deno.makeTempDir({ prefix: "mimic-hints-" });
  const given = [folder, "--port", "0"];
  const refused = await runTask("serve", [...given, "--host", "0.0.0.0"]);
  assert.equal(refused.code, 2, refused.stderr);
  const [run, ...rest] = recommended(refused.stderr, /deno run [^\n]* serve --host 0\.0\.0\.0\n/);
  const child = new Deno.Command(Deno.execPath(), {
    args: [run, "--no-check", "--no-prompt", lockFlag, ...rest, ...given],
    cwd: new URL("../../", import.meta.url),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  try {
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
      for await (const text of stream.pipeThrough(new TextDecoderStream())) {
        said += text;
        if (said.includes("http://")) break;
      }
      if (said.includes("http://")) break;
    }
    assert.match(said, /http:\/\/0\.0\.0\.0:\d+/);
  } finally {
    child.kill("SIGTERM");
    await child.status;
    await Deno.remove(folder, { recursive: true });
  }
});
