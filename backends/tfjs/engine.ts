/**
 * The private parts of tfjs' engine that the files in this folder use; tfjs' version is pinned for this reason.
 * Everything else reaches the engine through them.
 *
 * @module
 */

import { type Tensor, type TensorInfo, tf } from "../../deps/tfjs.ts";

/** tfjs' record of one op. */
export interface TapeNode {
  readonly kernelName: string;
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly outputs: readonly Tensor[];
  /** `soFar` holds the gradients that those of the inputs in `adds` are added to, by name. */
  readonly gradient?: (
    dys: (Tensor | null)[],
    soFar?: Readonly<Record<string, Tensor>>,
  ) => Record<string, () => Tensor>;
  /** Names of inputs whose gradient the op itself adds to what others have contributed. */
  readonly adds?: readonly string[];
  /** What the gradient needs from the forward pass; the tape's own handles. */
  saved?: Tensor[];
}

/** What the engine stores about its active backend. */
export interface ActiveBackend {
  backendName: string | null;
  backendInstance: unknown;
  profiler: unknown;
}

/** The engine, as far as this folder knows it. */
interface Engine extends ActiveBackend {
  readonly registryFactory: Readonly<Record<string, unknown>>;
  readonly backend: { incRef(dataId: TensorInfo["dataId"]): void };
  readonly state: {
    activeTape: TapeNode[] | null;
    gradientDepth: number;
    kernelDepth: number;
    nextTapeNodeId: number;
    readonly activeScope: { readonly id: number };
  };
  startTape(): void;
  isTapeOn(): boolean;
  startScope(): void;
  endScope(): void;
  track(tensor: Tensor): void;
  makeTensorFromTensorInfo(info: TensorInfo, owner?: unknown): Tensor;
  removeDataId(dataId: object, owner: unknown): void;
  runKernel(name: string, inputs: Record<string, Tensor>, attributes?: object): Tensor;
  runKernelFunc(kernel: {
    forwardFunc: () => Tensor[];
    inputs: Record<string, Tensor>;
    backwardsFunc: () => Record<string, never>;
  }): Tensor[];
}

/** The one engine of the process. */
export function engine(): Engine {
  return tf.engine() as unknown as Engine;
}
