/**
 * The contract between mimic and what computes.
 *
 * A backend brings a tfjs backend (so that every tfjs op works on its tensors) and a table of fused
 * kernels that replace the plain compositions in `backends/ops/`. It is passed as an argument;
 * what tfjs keeps globally, its active backend, is set only for the time of {@link Backend.run}.
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

/** What a backend can do, for `--backend auto`, `doctor`, and the choice of precision. */
export interface Capabilities {
  /** Reduced precisions that `amp` may use, best first; empty where there is none. */
  readonly reducedPrecisions: readonly Exclude<Precision, "float32">[];
  /** Threads that a kernel is divided over; 1 on a GPU. */
  readonly threads: number;
  /** Size limit of one tensor, bytes. */
  readonly maxBufferBytes: number;
  /** Size limit of all tensors together, bytes; no limit that is known where left out. */
  readonly memoryBytes?: number;
  /** Whether activations in a reduced precision take two bytes a number; false where left out. */
  readonly halvesActivations?: boolean;
  /** Whether values can be read at once, without waiting for a device; `false` if left out. */
  readonly isHostMemory?: boolean;
  /** One line: the adapter, or the processor and its kernel provider. */
  readonly description: string;
}

/** Tensors and bytes that a backend holds now, as tfjs counts them, and what it has reserved. */
export interface BackendMemory {
  /** Tensors that are alive. */
  readonly tensors: number;
  /** Bytes of their values. */
  readonly bytes: number;
  /** Bytes that the backend has taken from the system, free or in use. */
  readonly reservedBytes: number;
  /** The most that `bytes` has been; null where nobody counts. */
  readonly peakBytes: number | null;
}

/** One run of a kernel. */
export interface KernelSpan {
  /** The kernel's file or job, or the program of tfjs. */
  readonly name: string;
  /** When it started, in seconds by the device's clock. */
  readonly start: number;
  /** Seconds that it took. */
  readonly seconds: number;
}

/** A place to compute; see the module's text. Several may live in one process. */
export interface Backend {
  /** `reference`, `cpu`, `webgpu` or `tfjs:<name>`. */
  readonly name: string;
  /** What it can do on this machine. */
  readonly capabilities: Capabilities;
  /** The fused kernels that this backend has; ops fall back to compositions for the rest. */
  readonly kernels: Partial<Kernels>;
  /** Runs synchronous work with this backend as tfjs' active one, and restores the other after. */
  run<T>(work: () => T): T;
  /**
   * Times every kernel from now until {@link Backend.stopProfile}; kernels then run one after another.
   *
   * @throws UserError where the device takes no times
   */
  startProfile?(): void;
  /** What has run since, in order. */
  stopProfile?(): Promise<KernelSpan[]>;
  /** Resolves when all work submitted so far is done. */
  sync(): Promise<void>;
  /** What it holds now. */
  memory(): BackendMemory;
  /** Frees everything; tensors of this backend cannot be used after. */
  dispose(): Promise<void>;
}

/** What an op needs to know besides its tensors: every op and layer takes it first. */
export interface Context {
  /** Where to compute. */
  readonly backend: Backend;
  /** The format of large products; sums, norms and parameters are float32 regardless. */
  readonly precision: Precision;
  /** Observes every op, where a step is run again to find what is wrong with it. */
  readonly watch?: Watch | undefined;
  /** The processes that share the work; this one alone if left out. */
  readonly communicator?: Communicator;
}

/** The processes that a context's work is shared between. */
export function communicatorOf({ communicator }: Context): Communicator {
  return communicator ?? single;
}
