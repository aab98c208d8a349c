/** onnxruntime in WebAssembly: runs exported models in the tests; nothing else uses it. @module */
import * as runtime from "npm:onnxruntime-web@1.30.0/wasm";

runtime.env.wasm.numThreads = 1;
runtime.env.logLevel = "error";

/** Opens a model in memory. */
export const { InferenceSession, Tensor } = runtime;
