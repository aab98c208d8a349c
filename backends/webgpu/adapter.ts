/**
 * Finds a GPU and opens our own device on it.
 *
 * A device requested without limits gets WebGPU's defaults (256 invocations, 8 storage buffers, no
 * float16) whatever the adapter supports, so everything useful is requested by name.
 *
 * @module
 */

import { UserError } from "../../core/errors.ts";
import { openDawn } from "./dawn/open_dawn.ts";
import { SUBGROUPS } from "./shaders/subgroups.ts";

/** What `doctor` prints about a GPU, and what decides whether `auto` uses it. */
export interface AdapterSummary {
  /** One line: name and, if the driver reports them, vendor and architecture. */
  readonly description: string;
  /** Whether the "GPU" is a program on the CPU (lavapipe, SwiftShader, WARP). */
  readonly isSoftware: boolean;
  /** Whose WebGPU this is: `deno` is the runtime's own, in a browser the browser's. */
  readonly implementation: WebgpuImplementation;
  readonly features: readonly string[];
  /** What the GPU's matrix units multiply in one go; empty if they are out of reach. */
  readonly matrices: readonly MatrixConfig[];
  readonly limits: Readonly<Record<LimitName, number>>;
}

/** The WebGPU implementations: the runtime's own, and Chromium's from npm. */
export type WebgpuImplementation = "deno" | "dawn";

/** A product [M, K]·[K, N] that a subgroup of threads computes as one operation. */
export interface MatrixConfig {
  /** Type of the operands, `f16` say, and of the sums. */
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** Which GPU to open and how; see {@link requestAdapter}. */
export interface AdapterOptions {
  /** `high-performance` (default) prefers a discrete GPU, `low-power` an integrated one. */
  readonly powerPreference?: GPUPowerPreference;
  /** Request the adapter that emulates a GPU on the CPU, if there is one. */
  readonly forceFallbackAdapter?: boolean;
  /** Whose WebGPU to ask. Default: `deno`. */
  readonly implementation?: WebgpuImplementation;
  /** Use this adapter instead of requesting one. */
  readonly adapter?: GPUAdapter;
}

const LIMIT_NAMES = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
  "maxComputeWorkgroupsPerDimension",
] as const;

type LimitName = typeof LIMIT_NAMES[number];

// Experimental, so no type declares it.
const MATRIX_FEATURE = "chromium-experimental-subgroup-matrix" as GPUFeatureName;

const FEATURES: GPUFeatureName[] = ["shader-f16", "timestamp-query", MATRIX_FEATURE];

const SOFTWARE_NAMES = /llvmpipe|lavapipe|swiftshader|softpipe|basic render|warp/i;

/** The adapter that `options` describe. Throws a {@link UserError} that says what to install. */
export async function requestAdapter(options: AdapterOptions = {}): Promise<GPUAdapter> {
  if (options.adapter) return options.adapter;
  const gpu = options.implementation === "dawn"
    ? await openDawn()
    : (globalThis.navigator as Navigator | undefined)?.gpu;
  if (!gpu) {
    throw new UserError("Cannot start the WebGPU backend: this runtime has no navigator.gpu", {
      hint: "use Deno 2.9 or newer, or a browser with WebGPU, or --backend cpu",
    });
  }
  const adapter = await gpu.requestAdapter({
    powerPreference: options.powerPreference ?? "high-performance",
    forceFallbackAdapter: options.forceFallbackAdapter ?? false,
  });
  if (!adapter) {
    const finder = options.implementation === "dawn"
      ? "Dawn finds no adapter"
      : "no WebGPU adapter found";
    throw new UserError(`Cannot start the WebGPU backend: ${finder}`, {
      hint:
        "install a Vulkan driver (Debian: mesa-vulkan-drivers libvulkan1, or the GPU maker's) " +
        "or use --backend cpu",
    });
  }
  if (options.implementation === "dawn") fromDawn.add(adapter);
  return adapter;
}

/** The adapters that came from Dawn: nothing on an adapter says so. */
const fromDawn = new WeakSet<GPUAdapter>();

/** The relevant facts about an adapter. */
export function summarizeAdapter(adapter: GPUAdapter): AdapterSummary {
  const info = adapter.info;
  const name = info.description || info.device || "unnamed GPU";
  // Drivers without a name for these report the bare vendor and device numbers.
  const details = [info.vendor, info.architecture].filter((text) => text && !/^\d+$/.test(text));
  const limits = Object.fromEntries(
    LIMIT_NAMES.map((limit) => [limit, adapter.limits[limit]]),
  ) as Record<LimitName, number>;
  const isFallback = (info as { isFallbackAdapter?: boolean }).isFallbackAdapter === true;
  return {
    description: details.length > 0 ? `${name} (${details.join(" ")})` : name,
    isSoftware: isFallback || SOFTWARE_NAMES.test(`${name} ${info.vendor} ${info.architecture}`),
    implementation: fromDawn.has(adapter) ? "dawn" : "deno",
    matrices: adapter.features.has(MATRIX_FEATURE) ? matricesOf(info) : [],
    features: FEATURES.filter((feature) => adapter.features.has(feature)),
    limits,
  };
}

function matricesOf(info: GPUAdapterInfo): MatrixConfig[] {
  const { subgroupMatrixConfigs = [] } = info as {
    subgroupMatrixConfigs?: Iterable<MatrixConfig>;
  };
  return [...subgroupMatrixConfigs].map(({ componentType, resultComponentType, M, N, K }) => {
    return { componentType, resultComponentType, M, N, K };
  });
}

/** An adapter, and the preferences that select it. */
export interface AdapterChoice {
  readonly adapter: AdapterSummary;
  readonly preferences: readonly GPUPowerPreference[];
}

/**
 * The adapters that `powerPreference` chooses between: one if both preferences find the same.
 *
 * WebGPU deliberately provides no list of adapters. A machine may have more than these: the environment
 * variables of the driver's loader (`VK_DRIVER_FILES`) decide which are visible at all.
 */
export async function listAdapters(
  implementation: WebgpuImplementation = "deno",
): Promise<AdapterChoice[]> {
  const found = new Map<string, { adapter: AdapterSummary; preferences: GPUPowerPreference[] }>();
  for (const powerPreference of ["high-performance", "low-power"] as const) {
    const adapter = summarizeAdapter(await requestAdapter({ powerPreference, implementation }));
    const key = JSON.stringify(adapter);
    const known = found.get(key);
    if (known) known.preferences.push(powerPreference);
    else found.set(key, { adapter, preferences: [powerPreference] });
  }
  return [...found.values()];
}

/** Opens a device with everything the adapter supports except the features in `without`. */
export async function openDevice(
  adapter: GPUAdapter,
  without: readonly GPUFeatureName[] = [],
): Promise<GPUDevice> {
  const { limits, description } = summarizeAdapter(adapter);
  const features = FEATURES.filter((name) => adapter.features.has(name) && !without.includes(name));
  const open = (requiredFeatures: GPUFeatureName[]) =>
    adapter.requestDevice({ requiredFeatures, requiredLimits: limits });
  try {
    if (without.includes(SUBGROUPS)) return await open(features);
    // Deno has them without listing them among the adapter's features.
    return await open([...features, SUBGROUPS]).catch(() => open(features));
  } catch (cause) {
    throw new UserError(
      `Cannot start the WebGPU backend: ${description} refused to open: ${String(cause)}`,
      { hint: "close other programs that use the GPU, or use --backend cpu", cause },
    );
  }
}
