/**
 * Turns a `.wgsl` file into a pipeline for given tensors.
 *
 * The files contain only the arithmetic. What varies is prepended to them: constants, the uniform
 * struct, and for each tensor its binding with a pair of functions, so that one file serves every
 * storage format and widths that are not multiples of four:
 *
 * - `loadX(base, column, width)` → `vec4f`: four columns of the row of `x` that starts at element
 *   `base`, zeros from `width` on;
 * - `storeY(base, column, width, value)`: the reverse.
 *
 * int32 tensors and the results of `ShaderRunner.floats` are plain arrays under their names.
 *
 * Names in capitals (`WORKGROUP`, `HAS_BIAS`) are such constants.
 *
 * @module
 */

import convertCode from "./convert_storage.wgsl" with { type: "text" };
import type { Tensor, TensorInfo } from "../../../deps/tfjs.ts";
import type { BufferSlice, Runtime } from "../runtime.ts";
import { type Subgroups, subgroupText } from "./subgroups.ts";
import { unroll } from "./unroll.ts";
import { WorkingCopies } from "../working_copies.ts";

/** One `.wgsl` file. */
export interface ShaderFile {
  readonly name: string;
  readonly code: string;
  /** Files prepended to it, for functions that several share. */
  readonly includes?: readonly string[];
  /** `enable …;` and whatever else has to come first. */
  readonly directives?: readonly string[];
  /** Whether reductions use workgroup memory alone: some drivers crash on matrix units beside subgroup operations. */
  readonly keepsFromSubgroups?: boolean;
}

/** A buffer that a shader sees as `array<f32>` (null: not used); see {@link ShaderRunner.floats}. */
export interface FloatArray {
  readonly floats: BufferSlice | null;
}

/** A tensor, or null for one that the shader's constants declare unused, or a plain array. */
export type Operand = TensorInfo | FloatArray | QuadArray | HalfArray | null;

/** A float among the uniforms; plain numbers are u32. */
export interface FloatUniform {
  readonly float: number;
}

/** Options of {@link ShaderRunner.run}. */
export interface ShaderCall {
  readonly file: ShaderFile;
  /** Fixed at compile time: booleans, and numbers as u32. */
  readonly constants?: Readonly<Record<string, number | boolean>>;
  /** Read, in the order of their bindings. */
  readonly reads: Readonly<Record<string, Operand>>;
  /** Written (and readable), bound after `reads`. */
  readonly writes: Readonly<Record<string, Operand>>;
  readonly uniforms?: Readonly<Record<string, number | FloatUniform>>;
  /** Whether every row is a multiple of four wide, so that whole quads can be loaded. */
  readonly isQuadWide: boolean;
  /** Workgroups in x, y, z. */
  readonly grid: readonly [number, number, number];
}

const CONVERT = { name: "convert_storage", code: convertCode };

type Format = "f32" | "i32" | "f16" | "packed" | "raw";

/** A buffer of quads of f32, with the load and store functions of a tensor. */
export interface QuadArray {
  readonly quads: BufferSlice;
}

/** A buffer of quads of float16, with the load and store functions of a tensor. */
export interface HalfArray {
  readonly halves: BufferSlice;
}

/** Marks a uniform as f32. */
export function float(value: number): FloatUniform {
  return { float: value };
}

/** Compiles each combination once and records dispatches. */
export class ShaderRunner {
  readonly #pipelines = new Map<string, GPUComputePipeline>();
  readonly #hasFloat16: boolean;
  /** Stand-ins for unused operands, by position: two never share a buffer. */
  readonly #placeholders: BufferSlice[] = [];
  readonly #demotable = new WeakSet<object>();
  readonly #workingCopies: WorkingCopies;

  /** @param subgroups what reductions use; null: workgroup memory alone, with the same results */
  constructor(readonly runtime: Runtime, readonly subgroups: Subgroups | null = null) {
    this.#hasFloat16 = runtime.device.features.has("shader-f16");
    this.#workingCopies = new WorkingCopies(runtime, (full, half) => this.narrow(full, half));
    runtime.widen = (half, full) => this.#convert(half, full, "widen");
  }

  /**
   * Marks a result that only products are expected to read: if those are in float16, it is stored
   * as float16 from then on; see {@link demoteIfAllowed}.
   */
  allowDemotion(tensor: Tensor): void {
    this.#demotable.add(tensor.dataId);
  }

  /** Whether {@link allowDemotion} was called for a tensor and it is still in float32; only once. */
  takeDemotable(tensor: Tensor): boolean {
    return this.#demotable.delete(tensor.dataId) && this.runtime.storage(tensor) === "float32";
  }

  /** Stores `tensor` as float16 if its kernel said that this does no harm. */
  demoteIfAllowed(tensor: Tensor): void {
    if (!this.takeDemotable(tensor) || tensor.size % 4 !== 0) return;
    this.runtime.demote(tensor, (full, half) => this.narrow(full, half));
  }

  /** A weight in the form that float16 products read: its float16 copy, if rows are whole quads. */
  halvesOf(weight: Tensor): Tensor | HalfArray {
    const isWhole = weight.shape.every((width) => width % 4 === 0);
    if (!isWhole || this.runtime.storage(weight) === "float16") return weight;
    return { halves: this.#workingCopies.of(weight) };
  }

  /** Records the conversion of a float32 buffer into one of float16. */
  narrow(full: BufferSlice, half: BufferSlice): void {
    this.#convert(full, half, "narrow");
  }

  /** Copies between float32 and float16 storage. */
  #convert(from: BufferSlice, to: BufferSlice, direction: "narrow" | "widen"): void {
    const quads = Math.floor(Math.max(from.size, to.size) / 16);
    this.run({
      file: CONVERT,
      constants: { WORKGROUP: 64, NARROW: direction === "narrow" },
      reads: { input: { floats: from } },
      writes: { output: { floats: to } },
      uniforms: { quads },
      isQuadWide: true,
      grid: foldedGrid(quads, 64),
    });
  }

  run(call: ShaderCall): void {
    if (!call.isQuadWide) this.#widenAll(Object.values(call.reads));
    const reads = Object.values(call.reads);
    const operands = [...reads, ...Object.values(call.writes)];
    const pipeline = this.#pipeline(call, operands.map((operand) => this.#format(operand)));
    const bindings = operands.map((operand, place) =>
      this.#binding(operand, place, place >= reads.length)
    );
    const uniform = call.uniforms ? encodeUniforms(Object.values(call.uniforms)) : null;
    this.runtime.dispatch({ label: call.file.name, pipeline, bindings, uniform, grid: call.grid });
  }

  /** `tensor` as a plain array of f32 in the shader, to be indexed element by element. */
  floats(tensor: TensorInfo | null): FloatArray {
    return { floats: tensor && this.runtime.floatsOf(tensor) };
  }

  #binding(operand: Operand, place: number, isWritten: boolean): BufferSlice {
    const tensor = bufferOf(operand);
    // A declared binding must be given a buffer, used or not.
    if (tensor === null) return this.#placeholderAt(place);
    if (!("dataId" in tensor)) return tensor;
    return isWritten ? this.runtime.bindingOfOutput(tensor) : this.runtime.bindingOf(tensor);
  }

  #placeholderAt(place: number): BufferSlice {
    const { device } = this.runtime;
    const create = () => device.createBuffer({ size: 16, usage: 0x80 }); // STORAGE
    return this.#placeholders[place] ??= { buffer: create(), offset: 0, size: 16 };
  }

  #format(operand: Operand): Format {
    if (operand === null || "quads" in operand) return "f32";
    if ("floats" in operand) return "raw";
    if ("halves" in operand) return this.#hasFloat16 ? "f16" : "packed";
    if (operand.dtype === "int32") return "i32";
    if (this.runtime.storage(operand) === "float32") return "f32";
    return this.#hasFloat16 ? "f16" : "packed";
  }

  /** Shaders that process single numbers support only float32. */
  #widenAll(operands: Operand[]): void {
    for (const operand of operands) {
      if (operand !== null && "dataId" in operand) this.runtime.floatsOf(operand);
    }
  }

  #pipeline(call: ShaderCall, formats: Format[]): GPUComputePipeline {
    const key = `${call.file.name} ${formats} ${call.isQuadWide} ${
      Object.values(call.constants ?? {})
    }`;
    let pipeline = this.#pipelines.get(key);
    if (!pipeline) {
      const module = this.runtime.device.createShaderModule({
        label: call.file.name,
        code: shaderText(call, formats, this.subgroups),
      });
      pipeline = this.runtime.device.createComputePipeline({
        label: call.file.name,
        layout: "auto",
        compute: { module, entryPoint: "main" },
      });
      this.#pipelines.set(key, pipeline);
    }
    return pipeline;
  }
}

function bufferOf(operand: Operand): TensorInfo | BufferSlice | null {
  if (operand === null) return null;
  if ("floats" in operand) return operand.floats;
  if ("halves" in operand) return operand.halves;
  return "quads" in operand ? operand.quads : operand;
}

/** Workgroups for `count` items where each group takes `perGroup`, folded into two dimensions. */
export function foldedGrid(count: number, perGroup: number): [number, number, number] {
  const groups = Math.max(1, Math.ceil(count / perGroup));
  const rows = Math.ceil(groups / 65535);
  return [Math.ceil(groups / rows), rows, 1];
}

function encodeUniforms(values: (number | FloatUniform)[]): ArrayBuffer {
  const view = new DataView(new ArrayBuffer(Math.ceil(values.length / 4) * 16));
  values.forEach((value, index) => {
    if (typeof value === "number") view.setUint32(index * 4, value, true);
    else view.setFloat32(index * 4, value.float, true);
  });
  return view.buffer;
}

function shaderText(
  call: ShaderCall,
  formats: Format[],
  subgroups: Subgroups | null,
): string {
  const code = [...(call.file.includes ?? []), call.file.code].join("\n");
  const reduces = /\bSUBGROUP\b/.test(code);
  const own = call.file.keepsFromSubgroups ? null : subgroups;
  const parts: string[] = [...call.file.directives ?? []];
  if (formats.includes("f16")) parts.push("enable f16;");
  if (reduces) parts.push(own?.directive ?? "", subgroupText(own));
  for (const [name, value] of Object.entries(call.constants ?? {})) {
    parts.push(`const ${name} = ${typeof value === "number" ? `${value}u` : value};`);
  }
  if (formats.includes("packed")) parts.push(PACKED);
  const reads = Object.keys(call.reads);
  const names = [...reads, ...Object.keys(call.writes)];
  names.forEach((name, index) => {
    const access = index < reads.length ? "read" : "read_write";
    parts.push(operandText(name, index, access, formats[index], call.isQuadWide));
  });
  if (call.uniforms) parts.push(uniformText(call.uniforms, names.length));
  return [...parts, unroll(code, call.constants ?? {})].join("\n");
}

function uniformText(uniforms: NonNullable<ShaderCall["uniforms"]>, binding: number): string {
  const fields = Object.entries(uniforms).map(([name, value]) =>
    `${name}: ${typeof value === "number" ? "u32" : "f32"}`
  );
  return `struct Uniforms { ${fields.join(", ")} }
@group(0) @binding(${binding}) var<uniform> uniforms: Uniforms;`;
}

function operandText(
  name: string,
  binding: number,
  access: "read" | "read_write",
  format: Format,
  isQuadWide: boolean,
): string {
  const capital = name[0].toUpperCase() + name.slice(1);
  const declare = (type: string) =>
    `@group(0) @binding(${binding}) var<storage, ${access}> ${name}: array<${type}>;`;
  if (format === "i32") return declare("i32");
  if (format === "raw") return declare("f32");
  const load = `fn load${capital}(base: u32, column: u32, width: u32) -> vec4f`;
  const store = `fn store${capital}(base: u32, column: u32, width: u32, value: vec4f)`;
  if (isQuadWide) {
    const { type, decode, encode } = QUADS[format];
    const text = `${declare(type)}
${load} { return ${decode(`${name}[(base + column) / 4u]`)}; }`;
    if (access === "read") return text;
    return `${text}
${store} { ${name}[(base + column) / 4u] = ${encode("value")}; }`;
  }
  if (format !== "f32") throw new Error(`"${name}": float16 rows are a multiple of four wide`);
  const text = `${declare("f32")}
${load} {
  var quad = vec4f();
  for (var i = 0u; i < min(4u, width - column); i++) { quad[i] = ${name}[base + column + i]; }
  return quad;
}`;
  if (access === "read") return text;
  return `${text}
${store} {
  for (var i = 0u; i < min(4u, width - column); i++) { ${name}[base + column + i] = value[i]; }
}`;
}

/** What packing makes of numbers too large for float16 is left to the GPU; infinity stays what it is. */
const PACKED = `fn packed(quad: vec4f) -> vec2u {
  let value = select(quad, quad * 3.0e38, abs(quad) >= vec4f(65520.0));
  return vec2u(pack2x16float(value.xy), pack2x16float(value.zw));
}`;

const QUADS = {
  f32: { type: "vec4f", decode: (text: string) => text, encode: (text: string) => text },
  f16: {
    type: "vec4<f16>",
    decode: (text: string) => `vec4f(${text})`,
    encode: (text: string) => `vec4<f16>(${text})`,
  },
  packed: {
    type: "vec2u",
    decode: (text: string) => `vec4f(unpack2x16float(${text}.x), unpack2x16float(${text}.y))`,
    encode: (text: string) => `packed(${text})`,
  },
};
