/**
 * Which tilings for matrix units are right and fastest on a device.
 *
 * @module
 */

import { keptOrMeasured, type MeasurementStore } from "../../../core/measurement_store.ts";
import type { AdapterSummary } from "../adapter.ts";
import { rightTilings } from "../compare_results.ts";
import type { ShaderRunner } from "../shaders/shader_runner.ts";
import { flawOf } from "./check_units.ts";
import { SAMPLES, timeTilings } from "./choose_tilings.ts";
import { MatrixProducts, NO_UNITS, type ProductUnits } from "./matrix_product.ts";
import {
  findMatrixUnits,
  MATRIX_TILINGS,
  type MatrixTilingName,
  type MatrixUnits,
  tilingsToTry,
} from "./matrix_units.ts";
import { onlyTiling, type TilingChoice } from "./tilings.ts";

/** The matrix units that products use, and why they do not use others. */
export interface ChosenUnits {
  readonly units: ProductUnits;
  /** One line for each kernel that was set aside. */
  readonly notes: readonly string[];
}

type Way = keyof ProductUnits;

const LABELS: Record<Way, string> = { forward: "products", backward: "gradients of products" };

/** The device whose matrix units are wanted. */
export interface UnitsDevice {
  readonly runner: ShaderRunner;
  readonly summary: AdapterSummary;
  readonly info: GPUAdapterInfo;
  /** How threads multiply on it. */
  readonly tilings: TilingChoice;
}

/**
 * Tries every tiling that fits the device beside the products by threads, sets aside what comes out wrong, and
 * times the rest; the times are kept in `measurements`.
 */
export async function chooseUnits(
  { runner, summary, info, tilings }: UnitsDevice,
  measurements?: MeasurementStore,
): Promise<ChosenUnits> {
  const found = findMatrixUnits(summary, info);
  if (found === null) return { units: NO_UNITS, notes: [] };
  const notes: string[] = [];
  const right = (way: Way) =>
    rightTilings(tilingsToTry(found, summary), LABELS[way], (name) => {
      const units = { ...found, tilings: onlyTiling(name, 1) };
      return flawOf(runner, tilings, units, way);
    }, notes);
  const forward = await right("forward");
  const backward = await right("backward");
  const times = new TimedUnits({ runner, summary, info, tilings }, found, measurements);
  return {
    units: {
      forward: await times.best(forward, "forward"),
      backward: await times.best(backward, "backward"),
    },
    notes,
  };
}

/** Chooses among tilings by their times. */
class TimedUnits {
  constructor(
    readonly device: UnitsDevice,
    readonly units: Pick<MatrixUnits, "config" | "lanes">,
    readonly measurements?: MeasurementStore,
  ) {}

  async best(names: readonly MatrixTilingName[], way: Way): Promise<MatrixUnits | null> {
    if (names.length === 0) return null;
    const { config, lanes } = this.units;
    const [large, medium] = names.length === 1
      ? [names[0], names[0]]
      : await this.#fastest(names, way);
    const tilings = { ...onlyTiling(large, 1), medium, mediumBackward: medium, small: names[0] };
    return { config, lanes, tilings };
  }

  /** The fastest for large results and for medium ones. */
  async #fastest(names: readonly MatrixTilingName[], way: Way): Promise<MatrixTilingName[]> {
    const { runner, summary } = this.device;
    const usual = names.includes("units64") ? "units64" : names[0];
    if (!runner.runtime.device.features.has("timestamp-query")) return [usual, usual];
    const tried = JSON.stringify([names.map((name) => [name, MATRIX_TILINGS[name]]), this.units]);
    const key = `webgpu matrix tilings ${way}, ${summary.description}, ${tried}`;
    const read = (kept: unknown) => {
      const isChoice = Array.isArray(kept) && kept.length === 2 &&
        kept.every((name) => names.includes(name));
      return isChoice ? kept as MatrixTilingName[] : null;
    };
    const measure = async () => [
      await this.#time(names, way, SAMPLES.large),
      await this.#time(names, way, SAMPLES.medium),
    ];
    return await keptOrMeasured({ key, read, measure }, this.measurements);
  }

  async #time(
    names: readonly MatrixTilingName[],
    way: Way,
    layer: readonly [number, number, number],
  ): Promise<MatrixTilingName> {
    const { runner, tilings } = this.device;
    const times = await timeTilings(runner, names, layer, {
      isHalf: true,
      productsOf: (name) => {
        const units = { ...this.units, tilings: onlyTiling(name, 1) };
        return new MatrixProducts(runner, tilings, { ...NO_UNITS, [way]: units });
      },
    });
    return [...times].reduce((a, b) => b[1][way] < a[1][way] ? b : a)[0];
  }
}
