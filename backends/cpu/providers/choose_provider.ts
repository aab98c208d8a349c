/**
 * Chooses the fastest kernels that the processor, the system and the permissions allow. What a processor
 * can do does not say what is fast on it, so the candidates are timed at the first start on it.
 *
 * @module
 */

import { UserError } from "../../../core/errors.ts";
import { TextFingerprint } from "../../../core/fingerprint.ts";
import {
  inProcess,
  keptOrMeasured,
  type MeasurementStore,
} from "../../../core/measurement_store.ts";
import type { WideTiling } from "../products/tile.ts";
import {
  type Provider,
  type ProviderGround,
  type ProviderName,
  providerNames,
  tryProvider,
} from "./candidates.ts";
import { chooseTiling, hasWideTilings, wideTilingOf } from "./choose_tiling.ts";
import { formatsOf, type ProviderTime, timedWork, timeProviders } from "./time_providers.ts";

/** Raise it when machine code gets faster or slower: what was measured before no longer holds. */
const nativeVersion = 2;

/** A provider must be this much faster than one listed before it: less may be noise. */
const leastGain = 1.1;

/** Which kernels are wanted. */
export interface ProviderOptions {
  /**
   * Where kernels come from; `auto` takes the fastest that is present and permitted. `native` uses
   * the widest vectors that the processor has; its variants are in `candidates.ts`.
   */
  provider?: "auto" | "native" | ProviderName;
  /** Called with the generated code, for a disassembler. */
  dumpKernels?: (name: string, bytes: Uint8Array) => void;
  /**
   * How products in float32 are cut with AVX-512; the results are the same bits. Default: what was measured
   * to be the fastest on this processor, whether the provider is chosen or forced.
   */
  wideTiling?: WideTiling | "usual";
  /** Remembers which provider was fastest on a processor. Default: for the lifetime of the process. */
  measurements?: MeasurementStore;
}

/** What is measured, and where: replaced in tests. */
export interface ProviderChoosing extends ProviderOptions {
  /** The processor's name; null if nothing may be remembered about it. */
  readonly processor?: string | null;
  readonly time?: typeof timeProviders;
  readonly attempt?: typeof tryProvider;
}

/** The provider, and how it was chosen. */
export interface ChosenProvider extends Provider {
  readonly name: ProviderName;
  /** Identifies the processor and its kernels; see `Capabilities.kernels`. */
  readonly key: string;
  /** What was timed; null if there was no choice. */
  readonly times: readonly ProviderTime[] | null;
}

type Ground = ProviderGround & {
  readonly module: WebAssembly.Module;
  /** The bytes of the module. */
  readonly bytes: Uint8Array;
};

/**
 * The requested provider, or for `auto` the fastest: what was measured on this processor before decides, or
 * it is measured now.
 *
 * @throws UserError if the requested provider is not available
 */
export async function chooseProvider(
  ground: Ground,
  options: ProviderChoosing,
): Promise<ChosenProvider> {
  const { provider: wanted = "auto", dumpKernels } = options;
  const processor = options.processor === undefined ? await findProcessor() : options.processor;
  const key = keyOf(processor, ground.bytes);
  const providers = new Providers(ground, options.attempt ?? tryProvider);
  const [name, times] = wanted === "auto"
    ? await chooseFastest(providers, processor === null ? null : key, options)
    : [await providers.requested(wanted), []];
  const usual = await providers.start(name);
  if (typeof usual === "string") throw new Error(`Cannot use the provider "${name}" again`);
  const provider = await cut(usual, name, {
    key: processor === null ? null : key,
    ground,
    options,
  });
  // Only now: candidates that lose would write the same files.
  if (dumpKernels !== undefined) {
    await tryProvider(name, { ...ground, dumpKernels, wideTiling: wideTilingOf(provider) });
  }
  return { ...provider, name, key, times: times.length > 1 ? times : null };
}

/** The provider with the tiling that is wanted, or with the fastest. */
async function cut(
  usual: Provider,
  name: ProviderName,
  { key, ground, options }: { key: string | null; ground: Ground; options: ProviderChoosing },
): Promise<Provider> {
  const { wideTiling, measurements = inProcess, time = timeProviders } = options;
  const attempt = options.attempt ?? tryProvider;
  const start = (wideTiling: WideTiling) => attempt(name, { ...ground, wideTiling });
  if (wideTiling !== undefined && wideTiling !== "usual" && hasWideTilings(usual)) {
    const found = await start(wideTiling);
    if (typeof found !== "string") return found;
    throw new UserError(`Cannot cut products into ${wideTiling}: ${found}`);
  }
  if (wideTiling !== undefined || key === null) return usual;
  return await chooseTiling({
    usual,
    start,
    time: (all, work) => time(all, ground, work),
    key,
    measurements,
  });
}

/** The candidates, each tried at most once. */
class Providers {
  readonly #known = new Map<ProviderName, Provider | string>();

  constructor(readonly ground: Ground, readonly attempt: typeof tryProvider) {}

  async start(name: ProviderName): Promise<Provider | string> {
    if (!this.#known.has(name)) this.#known.set(name, await this.attempt(name, this.ground));
    return this.#known.get(name)!;
  }

  /** Those that start. */
  async all(): Promise<Map<ProviderName, Provider>> {
    const started = new Map<ProviderName, Provider>();
    for (const name of providerNames) {
      const found = await this.start(name);
      if (typeof found !== "string") started.set(name, found);
    }
    return started;
  }

  /** The candidate that the user's word stands for. */
  async requested(wanted: "native" | ProviderName): Promise<ProviderName> {
    const names = wanted === "native" ? ["native-avx512", "native-avx2"] as const : [wanted];
    let reason: Provider | string = "";
    for (const name of names) {
      reason = await this.start(name);
      if (typeof reason !== "string") return name;
    }
    throw new UserError(`Cannot use the kernel provider "${wanted}": ${reason}`, {
      hint: 'provider "auto" uses what is available',
    });
  }
}

/** The fastest candidate, and what was timed; `key` is null where nothing may be remembered. */
async function chooseFastest(
  providers: Providers,
  key: string | null,
  { measurements = inProcess, time = timeProviders }: ProviderChoosing,
): Promise<[ProviderName, readonly ProviderTime[]]> {
  // Without permission for machine code there is nothing to time.
  if (key === null) return ["wasm", []];
  const measure = async () => {
    const started = await providers.all();
    return started.size > 1 ? time(started, providers.ground) : [];
  };
  const measurement = { key: `cpu providers, ${key}`, read: readTimes, measure };
  const times = await keptOrMeasured(measurement, measurements);
  const name = fastestProvider(times);
  // What is kept may no longer be about what is here: the fastest is gone, or rivals have come.
  const isGone = typeof await providers.start(name) === "string";
  if (!isGone && (times.length > 0 || (await providers.all()).size === 1)) return [name, times];
  const again = await measure();
  measurements.set(measurement.key, again);
  return [fastestProvider(again), again];
}

/** The first that no other beats by {@link leastGain}, each in its fastest format. */
export function fastestProvider(times: readonly ProviderTime[]): ProviderName {
  const best = new Map<string, number>();
  for (const { provider, milliseconds } of times) {
    best.set(provider, Math.min(best.get(provider) ?? Infinity, milliseconds));
  }
  const least = Math.min(...best.values());
  return providerNames.find((name) => best.get(name)! <= least * leastGain) ?? "wasm";
}

/** What was kept, if it is a list of times: it comes from outside. */
function readTimes(kept: unknown): ProviderTime[] | null {
  if (!Array.isArray(kept)) return null;
  const isTime = (time: Partial<ProviderTime> | null) =>
    providerNames.includes(time?.provider as ProviderName) &&
    formatsOf({ gemmBlockOfPairs: true }).includes(time!.format!) && time!.milliseconds! > 0;
  return kept.every(isTime) ? kept : null;
}

async function findProcessor(): Promise<string | null> {
  if (!("Deno" in globalThis)) return null;
  const { processorName } = await import("./native/processor_name_ffi.ts");
  return processorName();
}

/** Another processor, other candidates or other kernels, another choice. */
function keyOf(processor: string | null, bytes: Uint8Array): string {
  const kernels = new TextFingerprint();
  for (const name of providerNames) kernels.add(name, nativeVersion);
  kernels.add(timedWork, 0);
  for (const byte of bytes) kernels.add("", byte);
  return `${processor ?? "unknown processor"}, kernels ${kernels.value}`;
}
