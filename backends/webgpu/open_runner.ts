/** A device as a tfjs backend, with what runs our shaders on it. @module */

import { TfjsSlot } from "../tfjs/tfjs_slot.ts";
import { type AdapterOptions, openDevice, requestAdapter } from "./adapter.ts";
import { registerAdd } from "./add_kernel.ts";
import { Runtime } from "./runtime.ts";
import { ShaderRunner } from "./shaders/shader_runner.ts";
import { findSubgroups, type Subgroups } from "./shaders/subgroups.ts";

/** A device at tfjs' service and ours. */
export interface OpenRunner {
  readonly runner: ShaderRunner;
  readonly slot: TfjsSlot;
}

/** Registers `device` with tfjs, without making it the active backend. */
export function registerRunner(
  device: GPUDevice,
  info: GPUAdapterInfo,
  subgroups: Subgroups | null,
  limitBytes?: number,
): OpenRunner {
  const runtime = new Runtime(device, info, limitBytes);
  const slot = TfjsSlot.register("mimic-webgpu", runtime, {
    kernelsOf: "webgpu",
    addKernels: registerAdd,
  });
  return { runner: new ShaderRunner(runtime, subgroups), slot };
}

/** Opens the GPU for work with single kernels, as tfjs' active backend, without a table of them. */
export async function openRunner(options: AdapterOptions = {}): Promise<
  OpenRunner & { readonly adapter: GPUAdapter; readonly runtime: Runtime }
> {
  const adapter = await requestAdapter(options);
  const device = await openDevice(adapter);
  const subgroups = await findSubgroups(device, adapter.info);
  const { runner, slot } = registerRunner(device, adapter.info, subgroups);
  slot.activate();
  return { adapter, runner, slot, runtime: runner.runtime };
}
