import assert from "node:assert/strict";
import { Arena } from "../../../../backends/cpu/memory/arena.ts";
import { createArenaMemory } from "../../../../backends/cpu/memory/arena_memory.ts";
import { createCpuBackend } from "../../../../backends/cpu/mod.ts";
import {
  isFasterWithMoreLoads,
  type LoadTimes,
  timeLoads,
} from "../../../../backends/cpu/providers/choose_loads.ts";

const memory = createArenaMemory({});
const arena = new Arena(memory);

/** The choice where these times are measured, and how often they are. */
async function choose(times: LoadTimes, measurements: Map<string, unknown>) {
  let measured = 0;
  const time = () => {
    measured++;
    return Promise.resolve(times);
  };
  const key = "a processor";
  const loadsMore = await isFasterWithMoreLoads({ arena, memory, key, measurements, time });
  return { loadsMore, measured };
}

Deno.test("isFasterWithMoreLoads() wants a clear gain, and measures once", async () => {
  const store = new Map<string, unknown>();
  const [slow, same, fast] = [1.2, 0.97, 0.9].map((loadsMore) => ({ usual: 1, loadsMore }));
  assert.deepEqual(await choose(fast, store), { loadsMore: true, measured: 1 });
  for (const [key, value] of store) store.set(key, JSON.parse(JSON.stringify(value)));
  assert.deepEqual(await choose(slow, store), { loadsMore: true, measured: 0 });
  for (const times of [same, slow]) assert.equal((await choose(times, new Map())).loadsMore, false);
  // One of them was not compiled for speed.
  assert.equal((await choose({ usual: 1, loadsMore: 0.3 }, new Map())).loadsMore, false);
  for (const odd of [null, 3, "x", { usual: 1 }, { usual: 1, loadsMore: "0" }, [1, 2]]) {
    for (const key of store.keys()) store.set(key, odd);
    assert.deepEqual(await choose(fast, store), { loadsMore: true, measured: 1 });
  }
});

Deno.test("timeLoads() times both kernels and gives the memory back", async () => {
  const before = arena.usedBytes;
  const { usual, loadsMore } = await timeLoads(memory, arena);
  assert.ok(usual > 0 && loadsMore > 0);
  assert.equal(arena.usedBytes, before);
});

Deno.test("WebAssembly says which products were found to be faster, or are wanted", async () => {
  for (const [loadsMore, wanted] of [[true, "more loads"], [false, "more shuffles"]] as const) {
    const backend = await createCpuBackend({ threads: 1, provider: "wasm", loadsMore });
    assert.equal(backend.capabilities.kernels!.products, wanted);
    await backend.dispose();
  }
  const measurements = new Map<string, unknown>();
  const first = await createCpuBackend({ threads: 1, provider: "wasm", measurements });
  await first.dispose();
  const [key] = [...measurements.keys()].filter((key) => key.startsWith("cpu wasm loads"));
  for (const [times, wanted] of [[[1.2, 1], "more loads"], [[1, 2], "more shuffles"]] as const) {
    measurements.set(key, { usual: times[0], loadsMore: times[1] });
    const backend = await createCpuBackend({ threads: 1, provider: "wasm", measurements });
    assert.equal(backend.capabilities.kernels!.products, wanted);
    await backend.dispose();
  }
});
