/**
 * Matrix products at the shapes of ViT-B and of the quick start, on each provider of the `cpu` backend
 * and in PyTorch, in turns. Beside them the limit of WebAssembly: what one thread reaches with sums in
 * registers alone, times the threads.
 *
 *     deno task bench ops --threads 2 --rounds 7 --python python3
 *
 * With `--precision bfloat16`: machine code with AVX-512 and, where there is AMX, with its tiles. Ours rounds
 * float32 operands and has float32 results, and both are part of its time; PyTorch's are bfloat16 already.
 *
 * @module
 */

import type { Backend } from "../../backends/backend.ts";
import type { CpuBackendOptions } from "../../backends/cpu/mod.ts";
import { tf } from "../../deps/tfjs.ts";
import { Peer } from "./peer.ts";
import { median } from "../../core/median.ts";
import { readOptions } from "../options.ts";
import { calm, keep } from "../report.ts";
import { openBackends, values } from "./product_backends.ts";
import { openWasmLimit } from "./wasm_limit.ts";

const { options: { threads, rounds, python, precision } } = readOptions({
  precision: "float32",
  threads: 2,
  rounds: 7,
  python: "python3",
});

/** Rows, columns, depth. */
const shapes = [
  [1576, 2304, 768],
  [1576, 768, 768],
  [1576, 3072, 768],
  [1576, 768, 3072],
  [1040, 512, 128],
] as const;

/** Products before the one that is measured: threads that had nothing to do for long wake up. */
const unmeasured = 5;

const isReduced = precision === "bfloat16";
const candidates: Record<string, CpuBackendOptions> = isReduced
  ? { native: { provider: "native" }, amx: { provider: "native-amx" } }
  : { wasm: { provider: "wasm" }, blas: { provider: "blas" }, native: { provider: "native" } };
const backends = await openBackends(candidates, threads);

function timeOurs(backend: Backend, [rows, columns, depth]: readonly number[]): number {
  return backend.run(() =>
    tf.tidy(() => {
      const x = tf.tensor(values(rows * depth), [rows, depth]);
      const weight = tf.tensor(values(columns * depth), [columns, depth]);
      const run = () =>
        backend.kernels.linear!.forward({
          x,
          weight,
          bias: null,
          activation: "none",
          precision: isReduced ? "bfloat16" : "float32",
        }).y.dispose();
      for (let before = 0; before < unmeasured; before++) run();
      const start = performance.now();
      run();
      return tf.scalar((performance.now() - start) / 1000);
    }).dataSync()[0]
  );
}

const measureWasmLimit = isReduced ? null : await openWasmLimit();
const peer = new Peer(python);
console.log(JSON.stringify(await peer.ask({ do: "load", threads })));
const results = [];
for (const shape of shapes) {
  const [rows, columns, depth] = shape;
  const seconds: Record<string, number[]> = { pytorch: [] };
  const limits: number[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const [name, backend] of Object.entries(backends)) {
      await calm();
      (seconds[name] ??= []).push(timeOurs(backend, shape));
    }
    await calm();
    const { seconds: all } = await peer.ask<{ seconds: number[] }>({
      do: "product",
      rows,
      columns,
      depth,
      precision,
      count: unmeasured + 1,
    });
    seconds.pytorch.push(all[unmeasured]);
    if (measureWasmLimit === null) continue;
    await calm();
    limits.push(threads * measureWasmLimit());
  }
  const operations = 2 * rows * columns * depth;
  const gigaflops = Object.fromEntries([
    ...Object.entries(seconds).map(([name, times]) => [name, operations / median(times)] as const),
    ...(limits.length === 0 ? [] : [["wasmLimit", median(limits)] as const]),
  ].map(([name, rate]) => [name, Number((rate / 1e9).toFixed(1))]));
  const share = isReduced
    ? {}
    : { shareOfWasmLimit: Number((gigaflops.wasm / gigaflops.wasmLimit).toFixed(2)) };
  console.log(`${rows}x${columns}x${depth} GFLOP/s`, gigaflops, share);
  results.push({ rows, columns, depth, threads, gigaflops, ...share });
}
await peer.close();
for (const backend of Object.values(backends)) await backend.dispose();
await keep(`${isReduced ? "cpu_bfloat16_products" : "cpu_products"}_${threads}`, results);
