/**
 * What a run computes with: part of its record, because other kernels or another number format round
 * differently.
 *
 * @module
 */

import type { Context, Precision } from "../../../backends/backend.ts";

/** In a checkpoint's `state.json`; fields are missing from checkpoints of versions that did not choose. */
export interface Computation {
  /** `cpu`, `webgpu`, … */
  readonly backend?: string;
  /** Kernels of the cpu backend, by the name that `backend.provider` forces them by. */
  readonly provider?: string;
  /** Format of matrix products. */
  readonly precision?: Precision;
}

/** What a context computes with. */
export function computationOf({ backend, precision }: Context): Computation {
  const { kernels } = backend.capabilities;
  return {
    backend: backend.name,
    ...(kernels === undefined ? {} : { provider: kernels.provider }),
    precision,
  };
}
