/** Starts worker threads with whatever the host offers. @module */

import type { WorkerSetup } from "./serve_jobs.ts";

/** Starts one worker; throws if that is not allowed. */
export type StartWorker = (setup: WorkerSetup) => void;

interface NodeWorker {
  unref(): void;
  on(event: "error", listener: (error: unknown) => void): void;
}

type NodeWorkerClass = new (
  url: URL,
  options: { workerData: WorkerSetup; env: Record<string, string> },
) => NodeWorker;

// Deno has both kinds of worker, but only Node's do not keep the process alive. The name is hidden
// from bundlers for browsers, which would look for the module.
const nodeWorkers = "node:worker_threads";

/** How to start workers here, or null if there are none. */
export async function findStartWorker(): Promise<StartWorker | null> {
  try {
    const { Worker: NodeWorker } = await import(nodeWorkers) as { Worker: NodeWorkerClass };
    return (setup) => {
      const worker = new NodeWorker(new URL("./worker_node.ts", import.meta.url), {
        workerData: setup,
        // The default, a copy of the environment, would need permission to read all of it.
        env: {},
      });
      // A worker that cannot load its modules simply never joins.
      worker.on("error", () => {});
      worker.unref();
    };
  } catch {
    if (typeof Worker === "undefined") return null;
    return (setup) => {
      const url = new URL("./worker_web.ts", import.meta.url);
      const worker = new Worker(url, { type: "module" });
      worker.onerror = (event) => event.preventDefault();
      worker.postMessage(setup);
    };
  }
}
