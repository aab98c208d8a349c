/** Worker thread in a browser. @module */

import { serveJobs, type WorkerSetup } from "./serve_jobs.ts";

interface WorkerScope {
  onmessage: ((event: MessageEvent<WorkerSetup>) => void) | null;
  close(): void;
}

const scope = globalThis as unknown as WorkerScope;

scope.onmessage = (event) => {
  serveJobs(event.data, {});
  scope.close();
};
