/** A bias whose parts a linear layer reads and differentiates where they are. @module */

import type { Tensor } from "../../../../deps/tfjs.ts";

/** Kind of the deferred work that would put it together. */
export const JOINT_BIAS = "joint bias";

/** The parts: `qBias` of the first third, `vBias` of the last, whole quads wide. */
export interface JointBias {
  readonly qBias: Tensor;
  readonly vBias: Tensor;
}
