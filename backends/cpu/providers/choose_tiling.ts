/**
 * Chooses how products in float32 are cut with AVX-512. Which way is fastest depends on caches and load ports, and
 * all give the same bits. So it belongs to the processor and not to the run: a run that is resumed elsewhere, or that
 * forces a provider, takes what is fastest where it is.
 *
 * @module
 */

import { keptOrMeasured, type MeasurementStore } from "../../../core/measurement_store.ts";
import { type WideTiling, wideTilingNames } from "../products/tile.ts";
import type { Provider } from "./candidates.ts";
import type { ProviderTime, TimedWork } from "./time_providers.ts";

/** Another tiling must be this much faster than the usual one: less may be noise. */
const leastGain = 1.05;

/** Several blocks of the depth in each tiling, as in training; float32, since pairs have a tiling of their own. */
const work = { depth: 768, formats: ["float32"] } as const satisfies TimedWork;

/** How a tiling is found. */
export interface TilingSearch {
  /** The provider with the usual tiling. */
  readonly usual: Provider;
  /** The same with another; a string is the reason why not. */
  readonly start: (tiling: WideTiling) => Promise<Provider | string>;
  /** Times providers by name. */
  readonly time: (
    providers: ReadonlyMap<string, Provider>,
    work: TimedWork,
  ) => readonly ProviderTime[];
  /** Identifies the processor and its kernels. */
  readonly key: string;
  readonly measurements: MeasurementStore;
}

const usualName = "usual";

/** Whether tilings can be chosen for a provider. */
export function hasWideTilings({ foreign }: Provider): boolean {
  return foreign?.kind === "native" && foreign.lanes === 16;
}

/** The name of its tiling, if it is not the usual one. */
export function wideTilingOf({ foreign }: Provider): WideTiling | undefined {
  if (foreign?.kind !== "native" || foreign.tiling.name === "usual") return undefined;
  return foreign.tiling.name;
}

/** The provider with the fastest tiling: what was measured on this processor before, or is now. */
export async function chooseTiling(search: TilingSearch): Promise<Provider> {
  const { usual, start, time, key, measurements } = search;
  if (!hasWideTilings(usual)) return usual;
  const measure = async () => {
    const started = new Map([[usualName, usual]]);
    for (const name of wideTilingNames) {
      const found = await start(name);
      if (typeof found !== "string") started.set(name, found);
    }
    return fastestTiling(time(started, work));
  };
  const what = `cpu tilings ${wideTilingNames.join(" ")}, depth ${work.depth}`;
  const name = await keptOrMeasured({ key: `${what}, ${key}`, read, measure }, measurements);
  if (name === usualName) return usual;
  const found = await start(name);
  return typeof found === "string" ? usual : found;
}

/** The tiling that beats the usual one by {@link leastGain}, if one does. */
function fastestTiling(all: readonly ProviderTime[]): WideTiling | typeof usualName {
  const limit = all.find(({ provider }) => provider === usualName)!.milliseconds / leastGain;
  const least = all.reduce((a, b) => b.milliseconds < a.milliseconds ? b : a);
  return least.milliseconds <= limit ? least.provider as WideTiling : usualName;
}

/** What was kept, if it is the name of a tiling: it comes from outside. */
function read(kept: unknown): WideTiling | typeof usualName | null {
  const names: readonly unknown[] = [usualName, ...wideTilingNames];
  return names.includes(kept) ? kept as WideTiling | typeof usualName : null;
}
