/** A device as a backend of tfjs, with what runs our shaders on it. @module */

import { tf } from "../../deps/tfjs.ts";
import { openDevice, requestAdapter } from "./adapter.ts";
import { registerAdd } from "./add_kernel.ts";
import { Runtime } from "./runtime.ts";
import { ShaderRunner } from "./shaders/shader_runner.ts";

/** Registers `device` with tfjs as the backend `name`, which is not made the active one. */
export function registerRunner(
  name: string,
  device: GPUDevice,
  info: GPUAdapterInfo,
  limitBytes?: number,
): ShaderRunner {
  tf.copyRegisteredKernels("webgpu", name);
  registerAdd(name);
  const runtime = new Runtime(device, info, limitBytes);
  tf.registerBackend(name, () => runtime, 0);
  return new ShaderRunner(runtime);
}

/** Opens the GPU for work with single kernels: as tfjs' active backend `name`, without a table of them. */
export async function openRunner(
  name: string,
): Promise<{ adapter: GPUAdapter; runner: ShaderRunner; runtime: Runtime }> {
  const adapter = await requestAdapter();
  const runner = registerRunner(name, await openDevice(adapter), adapter.info);
  tf.setBackend(name);
  return { adapter, runner, runtime: runner.runtime };
}
