/**
 * The thread of an ONNX model. onnxruntime only answers asynchronously, and a step cannot wait for
 * that: the step's own thread sleeps until this one is done.
 *
 * @module
 */

import { messageOf } from "../../core/errors.ts";
import {
  loadOnnxRuntime,
  onnxProviders,
  type OnnxRuntime,
  type OnnxSession,
  type OnnxTensor,
} from "../../deps/onnxruntime.ts";
import {
  errorLength,
  type OnnxAnswer,
  type OnnxRequest,
  type OpenRequest,
  type ProbeRequest,
  type RunRequest,
} from "./onnx_messages.ts";

/** The parts of the worker's global scope used here; Deno's window library does not declare it. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<OnnxRequest>) => void) | null;
  postMessage(message: OnnxAnswer): void;
}

const scope = globalThis as unknown as WorkerScope;
/** Kept, because a build of onnxruntime may have to do without it. */
const Half = Float16Array;

let runtime: OnnxRuntime;
let session: OnnxSession;

/** Files beside a model that hold weights too large for it. */
function dataBeside(path: string): { path: string; data: Uint8Array }[] {
  const slash = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"));
  const [folder, name] = [path.slice(0, slash + 1), path.slice(slash + 1)];
  const found: { path: string; data: Uint8Array }[] = [];
  for (const beside of [`${name}_data`, `${name}.data`]) {
    try {
      found.push({ path: beside, data: Deno.readFileSync(folder + beside) });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return found;
}

async function open({ path, runtime: name, threads }: OpenRequest): Promise<OnnxAnswer> {
  let isMissing = true;
  try {
    runtime = await loadOnnxRuntime(name);
    isMissing = false;
    const options = {
      executionProviders: [onnxProviders[name]],
      intraOpNumThreads: threads,
      logSeverityLevel: 3,
    };
    session = name === "native"
      ? await runtime.InferenceSession.create(path, options)
      : await runtime.InferenceSession.create(Deno.readFileSync(path), {
        ...options,
        externalData: dataBeside(path),
      });
    return { kind: "opened" };
  } catch (error) {
    return { kind: "failed", message: messageOf(error), isMissing };
  }
}

/** float32 values of a tensor. */
function toFloat32({ type, data, dims }: OnnxTensor): Float32Array {
  if (type === "float32") return data as unknown as Float32Array;
  if (type !== "float16") throw new Error(`it gives ${type}, expected float32 or float16`);
  const count = dims.reduce((product, extent) => product * extent, 1);
  return new Float32Array(new Half(data.buffer, data.byteOffset, count));
}

type Passing = Pick<RunRequest, "input" | "isHalf" | "batch" | "dims" | "outputs">;

/** Runs as many images at once as the model takes; `take` receives each output of some images. */
async function pass(
  { input, isHalf, batch, dims, outputs }: Passing,
  images: Float32Array,
  take: (output: number, first: number, count: number, tensor: OnnxTensor) => void,
): Promise<void> {
  const [total, ...rest] = dims;
  const length = rest.reduce((product, extent) => product * extent, 1);
  const atOnce = batch ?? total;
  for (let first = 0; first < total; first += atOnce) {
    const count = Math.min(atOnce, total - first);
    const values = new Float32Array(atOnce * length);
    values.set(images.subarray(first * length, (first + count) * length));
    const data = isHalf ? new Uint16Array(new Half(values).buffer) : values;
    const tensor = new runtime.Tensor(isHalf ? "float16" : "float32", data, [atOnce, ...rest]);
    const results = await session.run({ [input]: tensor }, outputs);
    for (const [index, name] of outputs.entries()) take(index, first, count, results[name]);
  }
}

async function probe(request: ProbeRequest): Promise<OnnxAnswer> {
  try {
    const dims: number[][] = [];
    const length = request.dims.reduce((product, extent) => product * extent, 1);
    await pass(request, new Float32Array(length), (output, _first, _count, tensor) => {
      toFloat32(tensor);
      dims[output] = [1, ...tensor.dims.slice(1)];
    });
    return { kind: "probed", dims };
  } catch (error) {
    return { kind: "failed", message: messageOf(error), isMissing: false };
  }
}

async function run(request: RunRequest): Promise<void> {
  const { images, results, state, dims } = request;
  let outcome = 1;
  try {
    await pass(request, images, (output, first, count, tensor) => {
      const result = results[output];
      const length = result.length / dims[0];
      result.set(toFloat32(tensor).subarray(0, count * length), first * length);
    });
  } catch (error) {
    outcome = 2;
    const text = messageOf(error).slice(0, errorLength);
    state[1] = text.length;
    for (let index = 0; index < text.length; index++) state[2 + index] = text.charCodeAt(index);
  }
  Atomics.store(state, 0, outcome);
  Atomics.notify(state, 0);
}

// Set before anything is awaited: messages that arrive earlier would be lost.
scope.onmessage = async ({ data }) => {
  if (data.kind === "run") await run(data);
  else scope.postMessage(data.kind === "open" ? await open(data) : await probe(data));
};
