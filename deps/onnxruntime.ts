/**
 * `onnxruntime` (MIT): runs ONNX models, in three builds. Each takes over 100 MB on disk, so they
 * are named by computed specifiers: one is downloaded with the first such model, and nobody else
 * waits for it.
 *
 * @module
 */

/** A build: the native library, which needs ffi permission, WebAssembly, or WebAssembly on WebGPU. */
export type OnnxRuntimeName = "native" | "wasm" | "webgpu";

/** A tensor of any type; float16 comes as `Float16Array` or as its bits. */
export interface OnnxTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: ArrayBufferView & ArrayLike<number>;
}

/** An opened model. */
export interface OnnxSession {
  run(
    feeds: Readonly<Record<string, OnnxTensor>>,
    outputs: readonly string[],
  ): Promise<Readonly<Record<string, OnnxTensor>>>;
}

/** What a build exports, as far as we use it. */
export interface OnnxRuntime {
  readonly env: { logLevel: string; readonly wasm: { numThreads: number } };
  readonly InferenceSession: {
    create(model: string | Uint8Array, options: Readonly<Record<string, unknown>>): Promise<
      OnnxSession
    >;
  };
  readonly Tensor: new (
    type: string,
    data: ArrayBufferView,
    dims: readonly number[],
  ) => OnnxTensor;
}

const version = "1.30.0";
const specifiers: Readonly<Record<OnnxRuntimeName, string>> = {
  native: `npm:onnxruntime-node@${version}`,
  wasm: `npm:onnxruntime-web@${version}/wasm`,
  webgpu: `npm:onnxruntime-web@${version}/webgpu`,
};

/** Where each build computes, in its own words. */
export const onnxProviders: Readonly<Record<OnnxRuntimeName, string>> = {
  native: "cpu",
  wasm: "wasm",
  webgpu: "webgpu",
};

/** What a build finds missing, it does without. */
function hide(name: "location" | "Float16Array"): void {
  Object.defineProperty(globalThis, name, { value: undefined, configurable: true });
}

/** Loads a build, downloading it if necessary; for a worker of its own, whose globals it changes. */
export async function loadOnnxRuntime(name: OnnxRuntimeName): Promise<OnnxRuntime> {
  // A worker's location has no origin, which the WebAssembly builds take for a relative address.
  hide("location");
  // Native code cannot read such arrays in Deno; without them, it takes the bits.
  if (name === "native") hide("Float16Array");
  const runtime = await import(specifiers[name]) as OnnxRuntime;
  runtime.env.logLevel = "error";
  // Its own threads would be workers again, loaded by address.
  if (name !== "native") runtime.env.wasm.numThreads = 1;
  return runtime;
}
