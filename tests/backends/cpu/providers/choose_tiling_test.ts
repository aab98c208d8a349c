import assert from "node:assert/strict";
import { wideTilingNames as tilings } from "../../../../backends/cpu/products/tile.ts";
import type { Provider } from "../../../../backends/cpu/providers/candidates.ts";
import { chooseTiling } from "../../../../backends/cpu/providers/choose_tiling.ts";

function provider(lanes: 8 | 16, description: string): Provider {
  const foreign = { kind: "native", lanes } as Provider["foreign"];
  return { kernels: {}, foreign, mostThreads: 1, description };
}

/** A machine on which tilings take these milliseconds, the usual one first. */
function machine(milliseconds: readonly number[], lanes: 8 | 16 = 16, missing = "") {
  const timed: string[][] = [];
  return {
    timed,
    choose: (measurements: Map<string, unknown>) =>
      chooseTiling({
        usual: provider(lanes, "usual"),
        start: (name) => Promise.resolve(name === missing ? "no memory" : provider(lanes, name)),
        time: (all, { formats }) => {
          timed.push([...all.keys()]);
          return [...all.keys()].flatMap((provider) => {
            const time = milliseconds[["usual", ...tilings].indexOf(provider)];
            return formats!.map((format) => ({ provider, format, milliseconds: time }));
          });
        },
        key: "a processor",
        measurements,
      }),
  };
}

/** A store in which this is kept where a choice would be. */
async function storeWith(kept: unknown): Promise<Map<string, unknown>> {
  const store = new Map<string, unknown>();
  await machine([1, 1, 1]).choose(store);
  return new Map([...store.keys()].map((key) => [key, kept]));
}

Deno.test("chooseTiling() takes what is clearly the fastest in float32, and measures once", async () => {
  const store = new Map<string, unknown>();
  const first = machine([1, 0.9, 0.8]);
  assert.equal((await first.choose(store)).description, tilings[1]);
  assert.deepEqual(first.timed, [["usual", ...tilings]]);
  const second = machine([1, 1, 1]);
  assert.equal((await second.choose(store)).description, tilings[1]);
  assert.deepEqual(second.timed, []);
});

Deno.test("chooseTiling() keeps the usual one where the gain may be noise or there is no choice", async () => {
  assert.equal((await machine([1, 0.96, 1.2]).choose(new Map())).description, "usual");
  const narrow = machine([1, 0.1, 0.1], 8);
  assert.equal((await narrow.choose(new Map())).description, "usual");
  assert.deepEqual(narrow.timed, []);
});

Deno.test("chooseTiling() measures without those that do not start, and again if what is kept is odd", async () => {
  for (const kept of [undefined, null, 3, "toString", "1x1"]) {
    const odd = machine([1, 0.5, 0.8], 16, tilings[0]);
    const store = await storeWith(kept);
    assert.equal((await odd.choose(store)).description, tilings[1], String(kept));
    assert.deepEqual(odd.timed, [["usual", tilings[1]]]);
  }
  const gone = machine([1, 0.5, 0.8], 16, tilings[0]);
  const store = await storeWith(tilings[0]);
  assert.equal((await gone.choose(store)).description, "usual");
});
