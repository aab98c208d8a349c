/** What an ONNX model's thread is asked and answers. @module */

import type { OnnxRuntimeName } from "../../deps/onnxruntime.ts";

/** Opens a model. */
export interface OpenRequest {
  readonly kind: "open";
  readonly path: string;
  readonly runtime: OnnxRuntimeName;
  readonly threads: number;
}

/** Runs it on images [B, 3, S, S], whose results go into memory that both threads see. */
export interface RunRequest {
  readonly kind: "run";
  readonly input: string;
  /** Whether the model computes in float16. */
  readonly isHalf: boolean;
  /** Images that the model takes at once; null: any number. */
  readonly batch: number | null;
  readonly dims: readonly [number, number, number, number];
  readonly images: Float32Array<SharedArrayBuffer>;
  readonly outputs: readonly string[];
  /** One for each output. */
  readonly results: readonly Float32Array<SharedArrayBuffer>[];
  /** [0] becomes 1 at the end, or 2 after an error, whose UTF-16 text of length [1] follows. */
  readonly state: Int32Array<SharedArrayBuffer>;
}

/** Runs it on one grey image, to see what comes out. */
export type ProbeRequest =
  & { readonly kind: "probe" }
  & Pick<RunRequest, "input" | "isHalf" | "batch" | "dims" | "outputs">;

export type OnnxRequest = OpenRequest | ProbeRequest | RunRequest;

/** The answer to `open` and `probe`; `run` answers in its `state`. */
export type OnnxAnswer =
  | { readonly kind: "opened" }
  /** Dimensions of the outputs of one image. */
  | { readonly kind: "probed"; readonly dims: readonly (readonly number[])[] }
  /** `isMissing`: the build itself could not be loaded. */
  | { readonly kind: "failed"; readonly message: string; readonly isMissing: boolean };

/** Characters of an error that `state` has room for. */
export const errorLength = 1000;
