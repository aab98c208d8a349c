/** transformers.js (Apache-2.0): loads what `export` writes, in the tests; nothing else uses it. @module */
import { env, pipeline, RawImage } from "npm:@huggingface/transformers@4.3.2";

env.allowRemoteModels = false;
env.allowLocalModels = true;

/** Opens a folder on disk or, in a page, on its server. */
export function openClassifier(parent: string, name: string, dtype: "fp32" | "fp16" | "q8") {
  env.localModelPath = parent;
  return pipeline("image-classification", name, { dtype });
}

/** The build of onnxruntime that pages run: its program, and the WebAssembly that this loads. */
const runtime = "ort-wasm-simd-threaded.asyncify";

/** Where the runtime's two files are in Deno's cache, by name. */
export async function runtimeFiles(): Promise<Map<string, string>> {
  const { createRequire } = await import("node:module");
  const own = import.meta.resolve("npm:@huggingface/transformers@4.3.2");
  const names = [`${runtime}.mjs`, `${runtime}.wasm`];
  return new Map(
    names.map((name) => [name, createRequire(own).resolve(`onnxruntime-web/${name}`)]),
  );
}

/** In a page: takes the runtime from a folder of the page's server instead of from the net. */
export function useRuntimeIn(folder: string): void {
  env.backends.onnx.wasm!.wasmPaths = {
    mjs: `${folder}/${runtime}.mjs`,
    wasm: `${folder}/${runtime}.wasm`,
  };
}

export { RawImage };
