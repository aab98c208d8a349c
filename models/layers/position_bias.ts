/**
 * The relative-position bias of a patch grid: a learned table, and its index kept on the device.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import { relativePositionBias } from "../../backends/ops/relative_position_bias.ts";
import type { Fill, InitScheme } from "../initial_values.ts";
import type { ParameterScope, ParameterSpec } from "../parameter_set.ts";
import { relativePositionIndex } from "../../core/relative_position.ts";

const tableName = "relative_position_bias_table";

/**
 * The table of relative positions.
 *
 * @param shape rows and heads; without rows there is no table
 * @param start selects from the model's scheme
 */
export function positionTableSpecs(
  prefix: string,
  shape: readonly [rows: number, heads: number],
  start: (scheme: InitScheme) => Fill,
): ParameterSpec[] {
  if (shape[0] === 0) return [];
  const initialise: ParameterSpec["initialise"] = (generator, shape, scheme) =>
    start(scheme)(generator, shape);
  return [{ name: `${prefix}.${tableName}`, shape, initialise }];
}

/** The table [T, H] of a scope; null if it has none. */
export function positionTable(parameters: ParameterScope): Tensor | null {
  return parameters.has(tableName) ? parameters.value(tableName) : null;
}

/** Arranges table rows as one matrix per head. */
export class PositionBias {
  readonly #index: Tensor;

  /** @param side patches per side */
  constructor(on: Context, side: number) {
    const tokens = side * side + 1;
    const index = relativePositionIndex(side);
    this.#index = on.backend.run(() => tf.keep(tf.tensor2d(index, [tokens, tokens], "int32")));
  }

  /** The bias [H, N + 1, N + 1] from the scope's table; null if it has none. */
  of(on: Context, parameters: ParameterScope): Tensor | null {
    const table = positionTable(parameters);
    return table && relativePositionBias(on, table, this.#index);
  }

  dispose(): void {
    this.#index.dispose();
  }
}
