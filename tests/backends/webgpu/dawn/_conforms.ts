/**
 * Runs the conformance cases whose names match a pattern on Dawn, with matrix units and without, and prints
 * what came out: `PATTERN [break]`, where `break` has every kernel on matrix units read the wrong operand.
 */
import { runConformance } from "../../../../backends/conformance.ts";
import {
  createWebgpuBackend,
  requestAdapter,
  type WebgpuOptions,
} from "../../../../backends/webgpu/mod.ts";

const [pattern, fault] = Deno.args;

/** Has every shader for matrix units start in the wrong place. */
function breakKernels(adapter: GPUAdapter): void {
  const requestDevice = adapter.requestDevice.bind(adapter);
  const value = async (descriptor?: GPUDeviceDescriptor) => {
    const device = await requestDevice(descriptor);
    const createShaderModule = device.createShaderModule.bind(device);
    Object.defineProperty(device, "createShaderModule", {
      value: (module: GPUShaderModuleDescriptor) =>
        createShaderModule({
          ...module,
          code: module.code
            .replaceAll("(&tileB, rowB", "(&tileB, 0u * rowB")
            .replaceAll("(&right, begin", "(&right, 0u * begin"),
        }),
    });
    return device;
  };
  Object.defineProperty(adapter, "requestDevice", { value });
}

async function conformanceOf(options: WebgpuOptions) {
  const adapter = await requestAdapter({ implementation: "dawn" });
  if (fault === "break") breakKernels(adapter);
  const backend = await createWebgpuBackend({ ...options, adapter });
  const results = await runConformance(backend, {
    filter: ({ name }) => new RegExp(pattern).test(name),
  });
  const { notes, units } = backend;
  await backend.dispose();
  return {
    notes,
    usesUnits: Object.fromEntries(
      Object.entries(units).map(([what, { forward, backward }]) => [what, {
        forward: forward !== null,
        backward: backward !== null,
      }]),
    ),
    passed: results.filter(({ status }) => status === "passed").map(({ name }) => name),
    failed: results.filter(({ status }) => status === "failed")
      .map(({ name, message }) => `${name}: ${message}`),
  };
}

const withUnits = await conformanceOf({ matrices: true });
const without = fault === "break" ? null : await conformanceOf({ matrices: false });
console.log(JSON.stringify({ withUnits, without }));
