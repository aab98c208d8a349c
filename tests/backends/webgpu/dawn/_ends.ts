/** Adds on Dawn, in this thread or in a worker, then has nothing left to do: prints what came out. */
import { createWebgpuBackend } from "../../../../backends/webgpu/mod.ts";
import { tf } from "../../../../deps/tfjs.ts";

async function addOnDawn(): Promise<unknown> {
  // The runtime's own is in use beside it.
  const own = await createWebgpuBackend({ implementation: "deno" });
  const dawn = await createWebgpuBackend({ implementation: "dawn" });
  const sums: number[] = [];
  for (const backend of [own, dawn, own]) {
    const sum = backend.run(() => tf.add(tf.tensor1d([1, 2]), 1));
    sums.push(...await sum.data());
    sum.dispose();
  }
  const found = { implementation: dawn.adapter.implementation, matrices: dawn.adapter.matrices };
  await dawn.dispose();
  await own.dispose();
  return { ...found, sums };
}

const isWorker = "WorkerGlobalScope" in globalThis;
if (isWorker) {
  (globalThis as unknown as { postMessage(found: unknown): void }).postMessage(await addOnDawn());
  close();
} else if (Deno.args[0] === "thread") {
  const workers = [1, 2].map(() => new Worker(import.meta.url, { type: "module" }));
  const found = await Promise.all(workers.map((worker) =>
    new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = reject;
    })
  ));
  console.log(JSON.stringify(found[1]));
} else {
  console.log(JSON.stringify(await addOnDawn()));
  if (Deno.args[0] === "exit") Deno.exit(0);
}
