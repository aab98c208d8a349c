import assert from "node:assert/strict";
import { usualTiling, wideTiling as cutAs } from "../../../../backends/cpu/products/tile.ts";
import type { Provider, ProviderName } from "../../../../backends/cpu/providers/candidates.ts";
import { chooseProvider } from "../../../../backends/cpu/providers/choose_provider.ts";
import { wideTilingOf } from "../../../../backends/cpu/providers/choose_tiling.ts";
import type { ProviderTime } from "../../../../backends/cpu/providers/time_providers.ts";
import { UserError } from "../../../../core/errors.ts";

type Times = Partial<Record<ProviderName, readonly [float32: number, bfloat16?: number]>>;

/** Nothing of it is used: attempts and times are made up. */
const ground = { bytes: Uint8Array.of(1, 2, 3) } as unknown as Parameters<typeof chooseProvider>[0];

/** A machine on which these providers start, each as fast as the table says. */
function machine(table: Times, processor: string | null = "a processor") {
  const asked: string[] = [];
  const timed: string[] = [];
  return {
    asked,
    timed,
    choose: (measurements: Map<string, unknown>, provider: "auto" | "native" | ProviderName) =>
      chooseProvider(ground, {
        ...{ processor, provider, measurements },
        attempt: (name) => {
          asked.push(name);
          const found: Provider = {
            ...{ kernels: {}, foreign: null, mostThreads: 1, description: name },
          };
          return Promise.resolve(name in table ? found : `no ${name} here`);
        },
        time: (providers) => {
          timed.push(...providers.keys());
          return [...providers.keys()].flatMap((provider): ProviderTime[] => {
            const [float32, bfloat16] = table[provider as ProviderName]!;
            const times: ProviderTime[] = [{ provider, format: "float32", milliseconds: float32 }];
            if (bfloat16 === undefined) return times;
            return [...times, { provider, format: "bfloat16", milliseconds: bfloat16 }];
          });
        },
      }),
  };
}

const all: Times = { "native-avx512": [2, 1.5], "native-avx2": [2], blas: [3], wasm: [6] };

Deno.test("the fastest provider is timed once for a processor, then kept", async () => {
  const store = new Map<string, unknown>();
  const first = machine(all);
  const { name, times } = await first.choose(store, "auto");
  assert.equal(name, "native-avx512");
  assert.deepEqual(times!.map(({ milliseconds }) => milliseconds), [2, 1.5, 2, 3, 6]);
  assert.deepEqual(first.timed, ["native-avx512", "native-avx2", "blas", "wasm"]);
  // As it is read from a file.
  for (const [key, value] of store) store.set(key, JSON.parse(JSON.stringify(value)));
  // It would be another one now, but the same choice gives the same bits.
  const second = machine({ ...all, "native-avx2": [0.1] });
  const kept = await second.choose(store, "auto");
  assert.deepEqual([kept.name, kept.times], [name, times]);
  assert.deepEqual([second.timed, second.asked], [[], ["native-avx512"]]);
});

Deno.test("the fastest wins in its fastest format; of nearly equal ones the first", async () => {
  const cases: [Times, ProviderName][] = [
    [{ "native-avx512": [2], "native-avx2": [1.9], wasm: [6] }, "native-avx512"],
    [{ "native-avx512": [2], "native-avx2": [1.5], wasm: [6] }, "native-avx2"],
    [{ "native-avx512": [2, 1.2], "native-avx2": [1.5], wasm: [6] }, "native-avx512"],
    [{ "native-avx512": [2, 1.5], "native-amx": [2, 0.4], wasm: [6] }, "native-amx"],
    [{ "native-avx512": [2, 1.5], "native-amx": [2, 1.45], wasm: [6] }, "native-avx512"],
    [{ "native-avx512": [1, 1.5], "native-amx": [1, 0.95], wasm: [6] }, "native-avx512"],
    [{ blas: [1], wasm: [2] }, "blas"],
    [{ blas: [3], wasm: [2] }, "wasm"],
  ];
  for (const [table, wanted] of cases) {
    assert.equal((await machine(table).choose(new Map(), "auto")).name, wanted);
  }
});

Deno.test("another processor, or a spoiled record, is measured anew", async () => {
  const store = new Map<string, unknown>();
  await machine(all).choose(store, "auto");
  const other = machine({ ...all, "native-avx2": [0.5] }, "another processor");
  assert.equal((await other.choose(store, "auto")).name, "native-avx2");
  assert.equal(other.timed.length, 4);
  const spoiled = [
    null,
    "native-avx512",
    [{ provider: "gone", format: "float32", milliseconds: 1 }],
    [{ provider: "wasm", format: "float3", milliseconds: 1 }],
    [{ provider: "wasm", format: "float32", milliseconds: null }],
    [null],
  ];
  for (const value of spoiled) {
    for (const key of store.keys()) store.set(key, value);
    const again = machine(all);
    assert.equal((await again.choose(store, "auto")).name, "native-avx512", JSON.stringify(value));
    assert.equal(again.timed.length, 4, JSON.stringify(value));
  }
});

Deno.test("what is kept is measured again when it is gone, or when rivals have come", async () => {
  const store = new Map<string, unknown>();
  await machine({ blas: [1], wasm: [2] }).choose(store, "auto");
  const without = machine({ wasm: [2] });
  assert.equal((await without.choose(store, "auto")).name, "wasm");
  assert.equal((await machine({ wasm: [2] }).choose(store, "auto")).name, "wasm");
  const installed = machine({ blas: [1], wasm: [2] });
  assert.equal((await installed.choose(store, "auto")).name, "blas");
  assert.deepEqual(installed.timed, ["blas", "wasm"]);
});

Deno.test("without permission for machine code nothing is timed or kept", async () => {
  const store = new Map<string, unknown>();
  const browser = machine({ wasm: [2] }, null);
  const { name, times } = await browser.choose(store, "auto");
  assert.deepEqual([name, times, browser.timed, store.size], ["wasm", null, [], 0]);
});

Deno.test("every choice can be forced, and what is not there is refused", async () => {
  const store = new Map<string, unknown>();
  for (const provider of ["wasm", "blas", "native-avx2", "native-avx512"] as const) {
    const forced = machine(all);
    assert.equal((await forced.choose(store, provider)).name, provider);
    assert.deepEqual([forced.asked, forced.timed], [[provider], []]);
  }
  assert.equal((await machine(all).choose(store, "native")).name, "native-avx512");
  const tiles = machine({ ...all, "native-amx": [2, 0.4] });
  assert.equal((await tiles.choose(store, "native")).name, "native-avx512");
  assert.equal((await tiles.choose(store, "native-amx")).name, "native-amx");
  const old = machine({ "native-avx2": [1], wasm: [2] });
  assert.equal((await old.choose(store, "native")).name, "native-avx2");
  await assert.rejects(old.choose(store, "native-avx512"), (error) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /provider "native-avx512": no native-avx512 here/);
    return true;
  });
  assert.equal(store.size, 0);
});

Deno.test("a forced provider, as a resumed run has it, takes the processor's fastest tiling", async () => {
  const store = new Map<string, unknown>();
  const timed: string[][] = [];
  const choose = (provider: "auto" | ProviderName, wideTiling?: "usual") =>
    chooseProvider(ground, {
      ...{ processor: "a processor", provider, wideTiling, measurements: store },
      attempt: (name, { wideTiling }) => {
        const tiling = wideTiling === undefined ? usualTiling(16) : cutAs(wideTiling);
        const foreign = { kind: "native", lanes: 16, tiling } as Provider["foreign"];
        return Promise.resolve({ kernels: {}, foreign, mostThreads: 1, description: name });
      },
      time: (providers) => {
        timed.push([...providers.keys()]);
        return [...providers.keys()].map((provider) => {
          const milliseconds = provider === "8x48" ? 1 : 2;
          return { provider, format: "float32", milliseconds };
        });
      },
    });
  const found = [];
  for (const name of ["native-avx512", "auto", "native-amx"] as const) {
    found.push(wideTilingOf(await choose(name)));
  }
  assert.deepEqual(found, ["8x48", "8x48", "8x48"]);
  assert.deepEqual(timed.map(([first]) => first), ["usual", "native-avx512"]);
  assert.equal(wideTilingOf(await choose("native-avx512", "usual")), undefined);
});
