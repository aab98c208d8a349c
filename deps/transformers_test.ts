/** transformers.js (Apache-2.0): loads what `export` writes, in the tests; nothing else uses it. @module */
import { env, pipeline, RawImage } from "npm:@huggingface/transformers@4.3.2";

env.allowRemoteModels = false;

/** Opens a folder on disk. */
export function openClassifier(parent: string, name: string, dtype: "fp32" | "fp16" | "q8") {
  env.localModelPath = parent;
  return pipeline("image-classification", name, { dtype });
}

export { RawImage };
