/**
 * What `check.ts` runs on both architectures: every op of the CPU backend's WebAssembly kernels, and three
 * training steps of a tiny model. Prints one line of JSON.
 *
 * @module
 */

import { createCpuBackend } from "../../backends/cpu/mod.ts";
import { selfTest } from "../../tasks/doctor/self_test.ts";
import type { Found } from "./compare.ts";

const backend = await createCpuBackend({ provider: "wasm", threads: 2 });
const { description } = backend.capabilities;
const { conformance, step } = await selfTest(backend, () => performance.now() / 1000, 0);
await backend.dispose();
const found: Found = {
  architecture: Deno.build.arch,
  kernels: description,
  passed: conformance.passed,
  failures: conformance.failures,
  losses: [step.lossBefore, step.lossAfter],
};
console.log(JSON.stringify(found));
