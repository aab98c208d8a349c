import assert from "node:assert/strict";
import type { Backend, Context } from "../../backends/backend.ts";
import { readAhead } from "../../models/read_ahead.ts";

function on(isHostMemory: boolean): Context {
  return { backend: { capabilities: { isHostMemory } } as Backend, precision: "float32" };
}

/** Values a MiB each, the n-th filled with n; `log` gets the names that are read. */
function lazies(count: number, log: number[]) {
  const read = (index: number) => () => {
    log.push(index);
    return Promise.resolve(Float32Array.of(index));
  };
  const all = Array.from(
    { length: count },
    (_, index) => [`${index}`, { shape: [512, 512], read: read(index) }] as const,
  );
  return new Map(all);
}

Deno.test("values are read 16 MiB at a time, each once, and arrive under their own names", async () => {
  const log: number[] = [];
  const values = readAhead(on(false), lazies(40, log));
  const started: number[] = [];
  for (const [name, { shape, read }] of values) {
    assert.deepEqual(shape, [512, 512]);
    assert.deepEqual([...await read()], [Number(name)]);
    started.push(log.length);
  }
  assert.deepEqual(started, [...Array(16).fill(16), ...Array(16).fill(32), ...Array(8).fill(40)]);
  assert.deepEqual(log, [...Array(40).keys()]);
});

Deno.test("a value larger than that is read alone, and an error reaches whoever asks for the value", async () => {
  const large = { shape: [2 ** 23], read: () => Promise.resolve(new Float32Array(1)) };
  const broken = { shape: [1], read: () => Promise.reject(new Error("lost")) };
  const values = readAhead(
    on(false),
    new Map([["large", large], ["a", large], ["broken", broken]]),
  );
  await values.get("large")!.read();
  await values.get("a")!.read();
  await assert.rejects(values.get("broken")!.read(), /lost/);
});

Deno.test("values in host memory are read one by one", async () => {
  const log: number[] = [];
  const values = readAhead(on(true), lazies(3, log));
  await values.get("1")!.read();
  assert.deepEqual(log, [1]);
});
