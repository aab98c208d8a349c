/** What is done with Accelerate on a Mac, tried here with OpenBLAS in its place. */

import assert from "node:assert/strict";
import { createCpuBackend } from "../../../../../backends/cpu/mod.ts";
import { tf } from "../../../../../deps/tfjs.ts";

const accelerate = "/System/Library/Frameworks/Accelerate.framework/Accelerate";
const openBlas = "libopenblas.so.0";

/** As if both had been measured, and were equally fast: what is listed first is taken. */
const measurements = {
  get: () => ["wasm", "blas"].map((provider) => ({ provider, format: "float32", milliseconds: 1 })),
  set: () => {},
};

/** Libraries that were opened, and what Accelerate was told about its threads. */
interface Seen {
  readonly opened: string[];
  readonly threading: number[];
}

/** Runs `work` as on an Apple processor, with OpenBLAS under Accelerate's name. */
async function onApple<T>(seen: Seen, work: () => Promise<T>): Promise<T> {
  const { build, dlopen } = Deno;
  const standIn = (library: string, symbols: Deno.ForeignLibraryInterface) => {
    seen.opened.push(library);
    if (library !== accelerate) throw new Error(`there is no ${library} on a Mac`);
    const opened = dlopen(openBlas, symbols);
    const BLASSetThreading = (model: number) => seen.threading.push(model);
    return { symbols: { ...opened.symbols, BLASSetThreading }, close: () => opened.close() };
  };
  try {
    Object.defineProperty(Deno, "build", {
      value: { ...build, os: "darwin", arch: "aarch64" },
      configurable: true,
    });
    Deno.dlopen = standIn as typeof Deno.dlopen;
    return await work();
  } finally {
    Deno.dlopen = dlopen;
    Object.defineProperty(Deno, "build", { value: build, configurable: true });
  }
}

function hasOpenBlas(): boolean {
  try {
    Deno.dlopen(openBlas, {}).close();
    return true;
  } catch (error) {
    if (Deno.env.get("CI") === "true" && Deno.build.os === "linux") throw error;
    console.log(`skipped: ${openBlas} is not installed`);
    return false;
  }
}

Deno.test("on an Apple processor auto takes Accelerate, one thread of it for each of ours", async () => {
  if (!hasOpenBlas()) return;
  const seen: Seen = { opened: [], threading: [] };
  await onApple(seen, async () => {
    const backend = await createCpuBackend({ threads: 1, measurements });
    assert.match(backend.capabilities.description ?? "", /Accelerate/);
    const [x, y] = [tf.tensor([1, 2, 3, 4, 5, 6], [2, 3]), tf.tensor([1, 0, 2, 1, 0, 3], [3, 2])];
    const product = backend.run(() => tf.matMul(x, y).dataSync());
    assert.deepEqual([...product], [5, 11, 14, 23]);
    await backend.dispose();
  });
  assert.ok(seen.opened.length > 0);
  // No other library is there, and only one thread of Accelerate works for the thread that calls it.
  assert.deepEqual(new Set(seen.opened), new Set([accelerate]));
  assert.deepEqual(new Set(seen.threading), new Set([1]));
});

Deno.test("on an Apple processor native says what it is for", async () => {
  const seen: Seen = { opened: [], threading: [] };
  await onApple(seen, async () => {
    await assert.rejects(
      createCpuBackend({ threads: 1, provider: "native" }),
      /it is for Linux and Windows on x86-64, this is darwin aarch64/,
    );
  });
  assert.deepEqual(seen.opened, []);
});
