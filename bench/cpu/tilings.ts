/**
 * Ways to cut matrix products in float32, in turns: the tilings of AVX-512, and the two kernels of WebAssembly
 * beside its limit, what one thread reaches with sums in registers alone. GFLOP/s of the medians at the shapes
 * of ViT-B.
 *
 *     deno task bench tilings --threads 1 --rounds 15
 *
 * @module
 */

import type { Backend } from "../../backends/backend.ts";
import type { CpuBackendOptions } from "../../backends/cpu/mod.ts";
import { wideTilingNames } from "../../backends/cpu/products/tile.ts";
import { median } from "../../core/median.ts";
import { tf } from "../../deps/tfjs.ts";
import { readOptions } from "../options.ts";
import { calm, keep } from "../report.ts";
import { openBackends, values } from "./product_backends.ts";
import { openWasmLimit } from "./wasm_limit.ts";

const { options: { threads, rounds } } = readOptions({ threads: 1, rounds: 15 });

/** Rows, columns, depth. */
const shapes = [
  [1576, 2304, 768],
  [1576, 768, 768],
  [1576, 3072, 768],
  [1576, 768, 3072],
  [1040, 512, 128],
] as const;

const candidates: Record<string, CpuBackendOptions> = {
  "12x32": { provider: "native", wideTiling: "usual" },
  ...Object.fromEntries(
    wideTilingNames.map((wideTiling) => [wideTiling, { provider: "native", wideTiling }] as const),
  ),
  avx2: { provider: "native-avx2" },
  wasm: { provider: "wasm", loadsMore: false },
  "wasm, more loads": { provider: "wasm", loadsMore: true },
};

const backends = await openBackends(candidates, threads);

/** Gives a function that measures the seconds of one product. */
function openProduct(backend: Backend, [rows, columns, depth]: readonly number[]): () => number {
  const [x, weight] = backend.run(() => [
    tf.keep(tf.tensor(values(rows * depth), [rows, depth])),
    tf.keep(tf.tensor(values(columns * depth), [columns, depth])),
  ]);
  const given = { x, weight, bias: null, activation: "none", precision: "float32" } as const;
  return () =>
    backend.run(() => {
      const start = performance.now();
      backend.kernels.linear!.forward(given).y.dispose();
      return (performance.now() - start) / 1000;
    });
}

const measureWasmLimit = await openWasmLimit();
const results = [];
for (const shape of shapes) {
  const [rows, columns, depth] = shape;
  const runs = Object.entries(backends).map(([name, backend]) => {
    return { name, run: openProduct(backend, shape), seconds: [] as number[] };
  });
  const limits: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    for (const { run, seconds } of runs) {
      await calm();
      // The first one wakes the threads up, and the first round compiles and touches the memory.
      run();
      const found = run();
      if (round > 0) seconds.push(found);
    }
    limits.push(threads * measureWasmLimit());
  }
  const operations = 2 * rows * columns * depth;
  const rate = (perSecond: number) => Number((perSecond / 1e9).toFixed(1));
  const gigaflops = Object.fromEntries([
    ...runs.map(({ name, seconds }) => [name, rate(operations / median(seconds))] as const),
    ["wasmLimit", rate(median(limits))] as const,
  ]);
  console.log(`${rows}x${columns}x${depth} GFLOP/s`, gigaflops);
  results.push({ rows, columns, depth, threads, gigaflops });
}
for (const backend of Object.values(backends)) await backend.dispose();
await keep(`cpu_tilings_${threads}`, results);
