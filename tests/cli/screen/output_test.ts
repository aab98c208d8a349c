import assert from "node:assert/strict";
import { jsonText, printable, wrapWords, writeText } from "../../../cli/screen/output.ts";
import { reportError } from "../../../cli/program.ts";
import { plainStyle } from "../../../cli/screen/style.ts";
import { runTask, taskWords } from "../_tasks.ts";

/** What a hostile file may hold in a name: a title, the clipboard, a cleared screen, C1, a turn of text. */
const hostile = "\x1b]0;title\x07\x1b]52;c;eA==\x07\x1b[2J\x9b31m\u202etxt\r\x08";

// deno-lint-ignore no-control-regex
const control = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/;

function record(isTerminal: boolean) {
  let text = "";
  const output = {
    isTerminal: () => isTerminal,
    writeSync(data: Uint8Array) {
      text += new TextDecoder().decode(data);
      return data.length;
    },
  };
  return { output, text: () => text };
}

Deno.test("notes break between words, and commands not at all", () => {
  assert.equal(wrapWords("one two three four", 10), "one two\n  three\n  four");
  assert.equal(wrapWords("  one two three\nfour\n", 10), "  one two\n    three\nfour\n");
  assert.equal(wrapWords("fits well", 9), "fits well");
  assert.equal(
    wrapWords("Saved. Go on with: deno task knn --a b", 20),
    "Saved. Go on with:\n  deno task knn --a b",
  );
  assert.equal(wrapWords("run `deno upgrade now`, then", 12), "run\n  `deno upgrade now`,\n  then");
  assert.equal(
    wrapWords("\x1b[33mwarning:\x1b[39m so it is", 10),
    "\x1b[33mwarning:\x1b[39m\n  so it is",
  );
});

Deno.test("what stands in others' words is shown, not obeyed", () => {
  assert.equal(printable("a\tb\nc é 風 😀"), "a\tb\nc é 風 😀");
  assert.equal(printable("\x1b[31m\r"), "\\x1b[31m\\r");
  assert.doesNotMatch(printable(hostile), control);
  for (const isTerminal of [true, false]) {
    const { output, text } = record(isTerminal);
    writeText(output, `\x1b[31merror:\x1b[39m ${hostile}\n`);
    // The program's own colours pass on a terminal; nothing else does, and none of them elsewhere.
    // deno-lint-ignore no-control-regex
    const rest = isTerminal ? text().replaceAll(/\x1b\[(31|39)m/g, "") : text();
    assert.doesNotMatch(rest, control);
    assert.equal(text().includes("\x1b[31m"), isTerminal);
  }
});

Deno.test("a JSON document holds no control character and says the same", () => {
  const text = jsonText({ [hostile]: hostile });
  assert.doesNotMatch(text, control);
  assert.deepEqual(JSON.parse(text), { [hostile]: hostile });
});

Deno.test("inspect and errors name a hostile file without obeying it", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const name = `a${hostile.replaceAll("/", "")}.safetensors`;
    const path = `${folder}/${name}`;
    const header = new TextEncoder().encode(JSON.stringify({
      __metadata__: { [hostile]: hostile },
      [hostile]: { dtype: "F32", shape: [1], data_offsets: [0, 4] },
    }));
    const bytes = new Uint8Array(8 + header.length + 4);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
    bytes.set(header, 8);
    Deno.writeFileSync(path, bytes);
    for (
      const words of [["inspect", path], ["inspect", path, "--json"], ["inspect", `${path}x`], [
        "predict",
        path,
        "--checkpoint",
        path,
      ]]
    ) {
      const { stdout, stderr } = await runTask(words[0], words.slice(1));
      assert.ok(stdout + stderr !== "");
      assert.doesNotMatch(stdout + stderr, control, words.join(" "));
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test({
  name: "a full disk behind stdout and too few descriptors are told, with what to do",
  ignore: Deno.build.os !== "linux",
}, async () => {
  const run = async (script: string) => {
    const { code, stderr } = await new Deno.Command("sh", {
      args: ["-c", script, Deno.execPath(), ...taskWords("config"), "list"],
      cwd: new URL("../../../", import.meta.url),
      env: { NO_COLOR: "1" },
      stdin: "null",
      stdout: "null",
    }).output();
    return { code, stderr: new TextDecoder().decode(stderr) };
  };
  const full = await run('"$0" "$@" > /dev/full');
  assert.equal(full.code, 2);
  assert.match(full.stderr, /^error: Cannot write the result to stdout: No space left on device; /);
  // Progress that nobody can read is no reason to end.
  assert.equal((await run('"$0" "$@" 2> /dev/full')).code, 0);
  const written: string[] = [];
  const error = Object.assign(new Error("too many open files, open 'x'"), { code: "EMFILE" });
  assert.equal(reportError(error, (text) => written.push(text), plainStyle), 2);
  assert.match(
    written.join(""),
    /^error: too many open files.*; raise the limit with `ulimit -n 4096`/,
  );
});
