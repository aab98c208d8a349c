/**
 * Subgroups: threads that run in step and read one another's registers. Reductions (`row_sums.wgsl`,
 * `column_sums.wgsl`, `row_best.wgsl`) do their last steps so, without a barrier for each.
 *
 * An implementation may have them without saying so, and nothing guarantees which threads are neighbours. So
 * the reductions are tried, with known results, before they are used.
 *
 * @module
 */

import bestCode from "./row_best.wgsl" with { type: "text" };
import columnSums from "./column_sums.wgsl" with { type: "text" };
import probeCode from "./subgroups_probe.wgsl" with { type: "text" };
import rowSums from "./row_sums.wgsl" with { type: "text" };
import { COLUMN_QUADS, SUM_WORKGROUP } from "./shapes.ts";

/** The subgroups of a device. */
export interface Subgroups {
  /** Neighbouring threads that are certain to be in one; a power of two. */
  readonly size: number;
  /** What a shader that uses them starts with: nothing in Deno, which refuses it. */
  readonly directive: "enable subgroups;" | "";
}

/** The feature, which older type definitions lack. */
export const SUBGROUPS = "subgroups" as GPUFeatureName;

/** Smaller ones save too few barriers; SwiftShader's have four threads. */
const SMALLEST = 8;

/**
 * Functions that shaders with reductions call, and how many threads are one subgroup: one without subgroups,
 * when the functions are never called.
 */
export function subgroupText(subgroups: Subgroups | null): string {
  const functions = [["ofLane1", "f32"], ["ofLane2", "vec2f"], ["ofLane4", "vec4f"], [
    "ofLaneIndex",
    "u32",
  ]];
  const value = subgroups === null ? "value" : "subgroupShuffleXor(value, distance)";
  return [
    `const SUBGROUP = ${subgroups?.size ?? 1}u;`,
    ...functions.map(([name, type]) =>
      `fn ${name}(value: ${type}, distance: u32) -> ${type} { return ${value}; }`
    ),
  ].join("\n");
}

/** The subgroups of `device`; null if it has none that help, or a reduction gives a wrong result. */
export async function findSubgroups(
  device: GPUDevice,
  info: GPUAdapterInfo,
): Promise<Subgroups | null> {
  if (!device.features.has(SUBGROUPS)) return null;
  const { subgroupMinSize: smallest = 0 } = info as { subgroupMinSize?: number };
  const isPowerOfTwo = smallest > 0 && (smallest & (smallest - 1)) === 0;
  if (smallest < SMALLEST || !isPowerOfTwo) return null;
  for (const directive of ["enable subgroups;", ""] as const) {
    const subgroups = { size: Math.min(smallest, 64), directive };
    if (await reducesWell(device, subgroups)) return subgroups;
  }
  return null;
}

const WORKGROUP = SUM_WORKGROUP;
const FEW = 16;
const perThread = 6;

async function reducesWell(device: GPUDevice, subgroups: Subgroups): Promise<boolean> {
  const code = [
    subgroups.directive,
    ...Object.entries({ WORKGROUP, COLUMN_QUADS, FEW }).map(([name, value]) =>
      `const ${name} = ${value}u;`
    ),
    subgroupText(subgroups),
    ...[rowSums, columnSums, bestCode, probeCode],
  ].join("\n");
  device.pushErrorScope("validation");
  const results = await runOnce(device, code).catch(() => null);
  const error = await device.popErrorScope();
  return error === null && results !== null && areRight(results);
}

async function runOnce(device: GPUDevice, code: string): Promise<Float32Array> {
  const size = WORKGROUP * perThread * 4;
  const results = device.createBuffer({ size, usage: 0x80 | 0x4 }); // STORAGE | COPY_SRC
  const staging = device.createBuffer({ size, usage: 0x1 | 0x8 }); // MAP_READ | COPY_DST
  try {
    const pipeline = device.createComputePipeline({
      label: "subgroups_probe",
      layout: "auto",
      compute: { module: device.createShaderModule({ code }), entryPoint: "main" },
    });
    const layout = pipeline.getBindGroupLayout(0);
    const entries = [{ binding: 0, resource: { buffer: results } }];
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, device.createBindGroup({ layout, entries }));
    pass.dispatchWorkgroups(1);
    pass.end();
    encoder.copyBufferToBuffer(results, 0, staging, 0, size);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(1);
    return new Float32Array(staging.getMappedRange().slice(0));
  } finally {
    for (const buffer of [results, staging]) buffer.destroy();
  }
}

function areRight(results: Float32Array): boolean {
  const threads = Array.from({ length: WORKGROUP }, (_, thread) => thread);
  const sum = (some: number[]) => some.reduce((all, each) => all + each, 0);
  return threads.every((thread) => {
    const few = threads.filter((other) => Math.floor(other / FEW) === Math.floor(thread / FEW));
    const column = threads.filter((other) => other % COLUMN_QUADS === thread % COLUMN_QUADS);
    const values = threads.map((other) => other * 7 % (WORKGROUP / 2));
    const best = Math.max(...values);
    const expected = [sum(threads), WORKGROUP, sum(few), sum(column), best, values.indexOf(best)];
    return expected.every((value, index) => results[thread * perThread + index] === value);
  });
}
