/**
 * Bind groups, kept by what they bind. Tensors of a step get the buffers of the last one from the pool, so most
 * bind groups recur; creating one takes longer than all else that a dispatch does on the host.
 *
 * @module
 */

import type { BufferSlice } from "../tfjs/webgpu_tensors.ts";

/** Those of a few steps; a large model's step has about five hundred dispatches. */
const MOST_GROUPS = 4096;

/** See the module's text. */
export class BindGroups {
  readonly #device: GPUDevice;
  readonly #numbers = new WeakMap<object, number>();
  #count = 0;
  /** The groups in use, and the ones before: what is found there moves on, the rest is dropped. */
  #recent = new Map<string, GPUBindGroup>();
  #older = new Map<string, GPUBindGroup>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** The group that binds `slices` for `pipeline`, in order. */
  of(label: string, pipeline: GPUComputePipeline, slices: readonly BufferSlice[]): GPUBindGroup {
    let key = `${this.#numberOf(pipeline)}`;
    for (const { buffer, offset, size } of slices) {
      key += ` ${this.#numberOf(buffer)} ${offset} ${size}`;
    }
    const known = this.#recent.get(key);
    if (known !== undefined) return known;
    const group = this.#older.get(key) ?? this.#create(label, pipeline, slices);
    if (this.#recent.size >= MOST_GROUPS) {
      this.#older = this.#recent;
      this.#recent = new Map();
    }
    this.#recent.set(key, group);
    return group;
  }

  #create(
    label: string,
    pipeline: GPUComputePipeline,
    slices: readonly BufferSlice[],
  ): GPUBindGroup {
    const entries = slices.map((resource, binding) => ({ binding, resource }));
    return this.#device.createBindGroup({ label, layout: pipeline.getBindGroupLayout(0), entries });
  }

  /** A number for each object: a destroyed buffer's is not given again. */
  #numberOf(object: object): number {
    let number = this.#numbers.get(object);
    if (number === undefined) {
      number = this.#count++;
      this.#numbers.set(object, number);
    }
    return number;
  }
}
