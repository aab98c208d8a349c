/**
 * The contract between mimic and whatever computes.
 *
 * A backend provides a tfjs backend (so that every tfjs op works on its tensors) and a table of
 * fused kernels that replace the plain compositions in `backends/ops/`. It is passed as an
 * argument; tfjs' only global, its active backend, is set only during {@link Backend.run}.
 *
 * A backend is not responsible for gradients (the ops are), for the order of steps, or for deciding
 * what runs in float16: the {@link Context} says so per call.
 *
 * @module
 */

import type { Communicator } from "../distributed/communicator.ts";
import { single } from "../distributed/single.ts";
import type { Kernels } from "./kernels.ts";
import type { Precision } from "./precision.ts";
import type { Watch } from "./watch.ts";

export type { Precision } from "./precision.ts";

/** The kernels that a backend was found to be fastest with, where it has several. */
export interface KernelChoice {
  /** The name that `backend.provider` forces it by. */
  readonly provider: string;
  /** Identifies the device and the kernels, for what is measured with them. */
  readonly key: string;
  /** What was timed to choose it, in all formats; null if it was requested or is the only one. */
  readonly times:
    | readonly {
      readonly provider: string;
      readonly format: Precision;
      readonly milliseconds: number;
    }[]
    | null;
  /** Which of several ways to compute products, all with the same bits, it was found to be fastest with. */
  readonly products?: string;
}

/** A backend's capabilities, for `--backend auto`, `doctor`, and the choice of precision. */
export interface Capabilities {
  /** Reduced precisions that `amp` may use, best first; empty if there are none. */
  readonly reducedPrecisions: readonly Exclude<Precision, "float32">[];
  /** Threads that a kernel is divided among; 1 on a GPU. */
  readonly threads: number;
  /** Size limit of one tensor, bytes. */
  readonly maxBufferBytes: number;
  /** Size limit of all tensors together, in bytes; omitted if there is no known limit. */
  readonly memoryBytes?: number;
  /** Whether activations in a reduced precision take two bytes per number; default: false. */
  readonly halvesActivations?: boolean;
  /** Whether values can be read immediately, without waiting for a device; default: false. */
  readonly isHostMemory?: boolean;
  /** Its kernels, if it chose between several; a reduced precision is then measured before use. */
  readonly kernels?: KernelChoice;
  /** One line: the adapter, or the processor and its kernel provider. */
  readonly description: string;
}

/** Tensors and bytes that a backend currently holds, as tfjs counts them, and what it has reserved. */
export interface BackendMemory {
  /** Number of live tensors. */
  readonly tensors: number;
  /** Bytes of their values. */
  readonly bytes: number;
  /** Bytes that the backend has taken from the system, free or in use. */
  readonly reservedBytes: number;
  /** The peak of `bytes`; null if not measured. */
  readonly peakBytes: number | null;
}

/** One run of a kernel. */
export interface KernelSpan {
  /** The kernel's file or job, or tfjs' program. */
  readonly name: string;
  /** When it started, in seconds on the device's clock. */
  readonly start: number;
  /** Seconds that it took. */
  readonly seconds: number;
}

/** A place to compute; see the module's description. Several may exist in one process. */
export interface Backend {
  /** `reference`, `cpu`, `webgpu` or `tfjs:<name>`. */
  readonly name: string;
  /** Its capabilities on this machine. */
  readonly capabilities: Capabilities;
  /** Its fused kernels; ops fall back to compositions for the rest. */
  readonly kernels: Partial<Kernels>;
  /** Runs synchronous work with this backend as tfjs' active one, then restores the previous one. */
  run<T>(work: () => T): T;
  /**
   * Times every kernel until {@link Backend.stopProfile}; kernels then run one after another.
   *
   * @throws UserError if the device cannot measure times
   */
  startProfile?(): void;
  /** Everything that has run since, in order. */
  stopProfile?(): Promise<KernelSpan[]>;
  /** Resolves when all work submitted so far is done. */
  sync(): Promise<void>;
  /** What it currently holds. */
  memory(): BackendMemory;
  /** Frees everything; this backend's tensors cannot be used afterwards. */
  dispose(): Promise<void>;
}

/** What an op needs to know besides its tensors: the first argument of every op and layer. */
export interface Context {
  /** Where to compute. */
  readonly backend: Backend;
  /** The format of large products; sums, norms and parameters are float32 regardless. */
  readonly precision: Precision;
  /** Observes every op, when a step is repeated to find out what is wrong with it. */
  readonly watch?: Watch | undefined;
  /** The processes that share the work; default: this one alone. */
  readonly communicator?: Communicator;
}

/** The processes that share a context's work. */
export function communicatorOf({ communicator }: Context): Communicator {
  return communicator ?? single;
}
