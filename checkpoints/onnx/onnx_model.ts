/**
 * An ONNX model that can be run in the middle of a step.
 *
 * @module
 */

import { UserError } from "../../core/errors.ts";
import type { OnnxRuntimeName } from "../../deps/onnxruntime.ts";
import {
  errorLength,
  type OnnxAnswer,
  type OnnxRequest,
  type OpenRequest,
  type RunRequest,
} from "./onnx_messages.ts";

/** What a model takes and which of its outputs are wanted. */
export type OnnxPass = Pick<RunRequest, "input" | "isHalf" | "batch" | "outputs">;

/** How to open a model. */
export interface OnnxModelOptions {
  /** The builds of onnxruntime to try, in order; the next one if a build cannot be loaded. */
  readonly runtimes: readonly OnnxRuntimeName[];
  /** Threads of the native build. */
  readonly threads: number;
}

/**
 * The builds to try for a choice, in order.
 *
 * @param prefersGpu whether `auto` tries WebGPU first
 */
export function runtimesFor(
  choice: OnnxRuntimeName | "auto",
  prefersGpu: boolean,
): readonly OnnxRuntimeName[] {
  if (choice !== "auto") return [choice];
  const mayCallNative = Deno.permissions.querySync({ name: "ffi" }).state === "granted";
  return [
    ...(prefersGpu ? ["webgpu"] as const : []),
    ...(mayCallNative ? ["native"] as const : []),
    "wasm",
  ];
}

/** An opened model, on a thread of its own. */
export class OnnxModel {
  /** The build that runs it. */
  readonly runtime: OnnxRuntimeName;
  readonly #path: string;
  readonly #worker: Worker;

  private constructor(path: string, runtime: OnnxRuntimeName, worker: Worker) {
    this.#path = path;
    this.runtime = runtime;
    this.#worker = worker;
  }

  /** @throws UserError if onnxruntime cannot be loaded, or cannot open the file */
  static async open(path: string, { runtimes, threads }: OnnxModelOptions): Promise<OnnxModel> {
    const reasons: string[] = [];
    for (const [index, runtime] of runtimes.entries()) {
      const worker = new Worker(new URL("./onnx_worker.ts", import.meta.url), { type: "module" });
      const request: OpenRequest = { kind: "open", path, runtime, threads };
      const answer = await ask(worker, request);
      if (answer.kind === "opened") return new OnnxModel(path, runtime, worker);
      worker.terminate();
      const { message, isMissing } = answer as Extract<OnnxAnswer, { kind: "failed" }>;
      reasons.push(`${runtime}: ${firstLine(message)}`);
      // A file that one build on the processor refuses is refused by the others too.
      if (!isMissing && (runtime !== "webgpu" || index === runtimes.length - 1)) {
        throw new UserError(`Cannot run "${path}": onnxruntime says ${firstLine(message)}`, {
          hint: "export the model anew, for a processor and an opset that onnxruntime knows",
        });
      }
    }
    throw new UserError(`Cannot load onnxruntime for "${path}": ${reasons.join("; ")}`, {
      hint: "it is downloaded with the first ONNX model: connect to the network once",
    });
  }

  /**
   * The dimensions of each output for one image of that size.
   *
   * @throws UserError if the model does not take such an image
   */
  async probe(pass: OnnxPass, size: number): Promise<readonly (readonly number[])[]> {
    const answer = await ask(this.#worker, { kind: "probe", ...pass, dims: [1, 3, size, size] });
    if (answer.kind === "probed") return answer.dims;
    const message = answer.kind === "failed" ? answer.message : "nothing";
    throw new UserError(
      `Cannot run "${this.#path}" on an image of ${size} px: onnxruntime says ${
        firstLine(message)
      }`,
      { hint: "give the size that it takes with --set teacher.onnx.inputSize=N" },
    );
  }

  /**
   * Runs the model and waits.
   *
   * @param images [B, 3, S, S]
   * @param lengths values per image of each output
   * @returns each output, row-major
   */
  run(
    pass: OnnxPass,
    images: Float32Array<SharedArrayBuffer>,
    dims: RunRequest["dims"],
    lengths: readonly number[],
  ): Float32Array[] {
    const results = lengths.map((length) => sharedFloats(dims[0] * length));
    const state = new Int32Array(new SharedArrayBuffer((errorLength + 2) * 4));
    this.#worker.postMessage(
      { kind: "run", ...pass, images, dims, results, state } satisfies OnnxRequest,
    );
    Atomics.wait(state, 0, 0);
    if (state[0] === 1) return results;
    const text = String.fromCharCode(...state.subarray(2, 2 + state[1]));
    throw new Error(`Cannot run "${this.#path}": onnxruntime says ${text}`);
  }

  /** Ends its thread. */
  close(): void {
    this.#worker.terminate();
  }
}

/** Memory for values that a model's thread reads. */
export function sharedFloats(count: number): Float32Array<SharedArrayBuffer> {
  return new Float32Array(new SharedArrayBuffer(count * 4));
}

function firstLine(message: string): string {
  return message.trim().split("\n")[0];
}

function ask(worker: Worker, request: OnnxRequest): Promise<OnnxAnswer> {
  return new Promise((resolve) => {
    worker.onmessage = ({ data }: MessageEvent<OnnxAnswer>) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      resolve({ kind: "failed", message: event.message, isMissing: true });
    };
    worker.postMessage(request);
  });
}
