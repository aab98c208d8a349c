/**
 * Produces the chunks: workers, or the main thread if there are none.
 *
 * @module
 */
import { messageOf } from "../../core/errors.ts";
import type { WorkerAnswer, WorkerRequest } from "./worker_messages.ts";
import type { ChunkResult, ProducerSettings, SampleJob } from "./producer.ts";

/** Produces several chunks at a time. */
export interface Pool {
  /** Number of workers; 0 on the main thread. */
  readonly workers: number;
  /** Which library decodes. */
  readonly decoder: string;
  run(jobs: readonly SampleJob[]): Promise<ChunkResult>;
  close(): void;
}

interface Waiting {
  resolve(result: ChunkResult): void;
  reject(error: Error): void;
}

/** A worker and its pending work. */
class DataWorker {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;
  #ready: PromiseWithResolvers<string> = Promise.withResolvers();
  #broken: Error | undefined;

  constructor(settings: ProducerSettings) {
    this.#worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<WorkerAnswer>) => this.#receive(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(new Error(`a data worker stopped: ${event.message}`));
    };
    this.#post({ type: "start", settings });
  }

  /** Chunks that have been sent and not yet returned. */
  get load(): number {
    return this.#waiting.size;
  }

  /** Resolves with the decoder's name once the worker has started. */
  get ready(): Promise<string> {
    return this.#ready.promise;
  }

  #post(request: WorkerRequest): void {
    this.#worker.postMessage(request);
  }

  #receive(answer: WorkerAnswer): void {
    if (answer.type === "ready") return this.#ready.resolve(answer.decoder);
    if (answer.type === "failed") return this.#fail(new Error(answer.message));
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (answer.type === "done") waiting?.resolve(answer.result);
    else waiting?.reject(new Error(answer.message));
  }

  #fail(error: Error): void {
    this.#broken = error;
    this.#ready.reject(error);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  run(jobs: readonly SampleJob[]): Promise<ChunkResult> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    const id = this.#next++;
    const { promise, resolve, reject } = Promise.withResolvers<ChunkResult>();
    this.#waiting.set(id, { resolve, reject });
    this.#post({ type: "run", id, jobs });
    return promise;
  }

  close(): void {
    this.#worker.terminate();
    this.#fail(new Error("the loader was closed"));
  }
}

/** Runs a task after all others that wait; not in every browser. */
interface Scheduler {
  postTask(task: () => void, options: { readonly priority: "background" }): Promise<void>;
}

/**
 * Lets a page's other events have their turn, such as a message to stop or a file that was written: batches made
 * here would keep the thread. Deno's programs use workers.
 */
function otherEvents(): Promise<void> {
  if ("Deno" in globalThis) return Promise.resolve();
  const { scheduler } = globalThis as { scheduler?: Scheduler };
  return scheduler?.postTask(() => {}, { priority: "background" }) ??
    new Promise((resolve) => setTimeout(resolve));
}

async function inlinePool(settings: ProducerSettings): Promise<Pool> {
  const { Producer } = await import("./producer.ts");
  const producer = await Producer.create(settings);
  return {
    workers: 0,
    decoder: producer.decoderName,
    run: async (jobs) => {
      await otherEvents();
      return await producer.produce(jobs);
    },
    close: () => producer.close(),
  };
}

async function workerPool(settings: ProducerSettings, count: number): Promise<Pool> {
  const workers: DataWorker[] = [];
  const close = () => workers.forEach((worker) => worker.close());
  try {
    for (let i = 0; i < count; i++) {
      const worker = new DataWorker(settings);
      worker.ready.catch(() => {});
      workers.push(worker);
    }
    const [decoder] = await Promise.all(workers.map((worker) => worker.ready));
    return {
      workers: count,
      decoder,
      run: (jobs) => workers.reduce((a, b) => b.load < a.load ? b : a).run(jobs),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/**
 * A pool of `count` workers, or of none if they cannot start; `onFallback` is then called with the
 * reason.
 */
export async function createPool(
  settings: ProducerSettings,
  count: number,
  onFallback: (reason: string) => void,
): Promise<Pool> {
  if (count === 0) return await inlinePool(settings);
  try {
    return await workerPool(settings, count);
  } catch (error) {
    onFallback(messageOf(error));
    return await inlinePool(settings);
  }
}
