import assert from "node:assert/strict";
import { AppendLog, lastRecord, LogReader } from "../../../checkpoints/store/append_log.ts";
import { EventFile, frameRecord, readRecords } from "../../../checkpoints/store/event_file.ts";
import { withFolder } from "../../data/_trees.ts";

function stepsOf(path: string): number[] {
  return [...new LogReader(path).read()].map(({ step }) => step);
}

Deno.test("AppendLog: what a killed run wrote beyond its checkpoint, and half a line, are cut", async () => {
  await withFolder(async (root) => {
    const path = `${root}/log.jsonl`;
    const whole = Array.from({ length: 9 }, (_, i) => ({ step: i + 1, text: "ä".repeat(40_000) }));
    const text = whole.map((record) => JSON.stringify(record) + "\n").join("");
    const bytes = new TextEncoder().encode(text);
    const lineBytes = bytes.length / 9;
    for (const end of [0, 1, lineBytes - 1, lineBytes, 5.5 * lineBytes, bytes.length]) {
      for (const step of [0, 3, 9]) {
        await Deno.writeFile(path, bytes.subarray(0, Math.floor(end)));
        const log = AppendLog.open(path, step);
        log.append({ step: 10 });
        log.close();
        const kept = Math.min(step, Math.floor(end / lineBytes));
        const wanted = [...Array.from({ length: kept }, (_, i) => i + 1), 10];
        assert.deepEqual(stepsOf(path), wanted, `cut at ${end}, step ${step}`);
      }
    }
  });
});

Deno.test("LogReader: follows a log, and notices when its run went back", async () => {
  await withFolder(async (root) => {
    const path = `${root}/log.jsonl`;
    const reader = new LogReader(path);
    assert.deepEqual([...reader.read()], []);
    let log = AppendLog.open(path, 0);
    for (const step of [1, 2, 3]) log.append({ step, loss: 1 });
    assert.deepEqual([...reader.read()].map(({ step }) => step), [1, 2, 3]);
    assert.equal(reader.isStale, false);
    log.close();
    log = AppendLog.open(path, 2);
    for (const step of [3, 4, 5]) log.append({ step, loss: 2 });
    log.close();
    assert.equal(lastRecord(path)?.step, 5);
    await Deno.writeTextFile(path, '\nnull\n{"step":6', { append: true });
    assert.equal(lastRecord(path)?.step, 5, "what is no record is passed over");
    assert.equal(reader.isStale, true, "the file is longer, but not the same");
    await Deno.remove(path);
    assert.equal(reader.isStale, true);
    assert.equal(lastRecord(path), null);
  });
});

/** An event as far as a step is read from it: time and step. */
function eventOf(step: number): Uint8Array {
  const time = [0x09, 0, 0, 0, 0, 0, 0, 0, 0];
  return Uint8Array.from([...time, 0x10, ...(step < 128 ? [step] : [step & 127 | 128, step >> 7])]);
}

Deno.test("EventFile: earlier files are cut at the step and at damage, each start has its own", async () => {
  await withFolder(async (root) => {
    let file = EventFile.open(root, 0);
    for (const step of [1, 100, 200, 300]) file.append(eventOf(step));
    file.close();
    const first = file.path;
    // A record that was being written when the process was killed.
    const torn = frameRecord(eventOf(201)).subarray(0, 20);
    await Deno.writeFile(first, torn, { append: true });
    assert.equal([...readRecords(await Deno.readFile(first))].length, 4);
    file = EventFile.open(root, 200);
    file.append(eventOf(201));
    file.close();
    assert.notEqual(file.path, first);
    const bytes = await Deno.readFile(first);
    assert.deepEqual([...readRecords(bytes)].at(-1)?.end, bytes.length);
    assert.equal([...readRecords(bytes)].length, 3);
    // A flipped bit ends what can be read, and nothing throws.
    bytes[bytes.length - 6] ^= 1;
    assert.equal([...readRecords(bytes)].length, 2);
    EventFile.open(root, 0).close();
    const left = [...Deno.readDirSync(root)].map(({ name }) => name);
    assert.deepEqual(left, ["events.out.tfevents.0000000003.mimic"]);
  });
});
