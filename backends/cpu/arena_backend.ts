/**
 * tfjs' JavaScript backend with its values in an arena: every tfjs op works on the tensors that the
 * fused kernels share between threads.
 *
 * @module
 */

import { type DataType, type Tensor, type TensorInfo, tf } from "../../deps/tfjs.ts";
import { MathBackendCPU } from "../../deps/tfjs_cpu.ts";
import type { Arena, Block } from "./memory/arena.ts";
import type { ThreadPool } from "./threads/thread_pool.ts";

type NumericArray = Float32Array | Int32Array | Uint8Array;
type BackendValues = Parameters<MathBackendCPU["write"]>[0];
type DataId = Parameters<MathBackendCPU["readSync"]>[0];

interface Entry {
  values?: BackendValues;
  dtype: DataType;
  refCount: number;
  block?: Block;
}

interface Entries {
  get(id: DataId): Entry;
  set(id: DataId, entry: Entry): void;
  has(id: DataId): boolean;
}

const arrayTypes = { float32: Float32Array, int32: Int32Array, bool: Uint8Array };

function isNumeric(dtype: DataType): dtype is keyof typeof arrayTypes {
  return dtype in arrayTypes;
}

/** See the module's text. */
export class ArenaBackend extends MathBackendCPU {
  readonly arena: Arena;
  readonly pool: ThreadPool;

  constructor(arena: Arena, pool: ThreadPool) {
    super();
    this.arena = arena;
    this.pool = pool;
  }

  get #entries(): Entries {
    return this.data as unknown as Entries;
  }

  override write(values: BackendValues, shape: number[], dtype: DataType): DataId {
    const id: DataId = {};
    this.#entries.set(id, this.#adopt(values, shape, dtype, 1));
    return id;
  }

  override move(
    id: DataId,
    values: BackendValues,
    shape: number[],
    dtype: DataType,
    refCount: number,
  ): void {
    this.#entries.set(id, this.#adopt(values, shape, dtype, refCount));
  }

  /** A copy: the arena gives the place to another tensor once this one is disposed. */
  override readSync(id: DataId): BackendValues {
    const values = super.readSync(id);
    const isInArena = this.#entries.get(id).block !== undefined;
    return isInArena ? (values as NumericArray).slice() : values;
  }

  override disposeData(id: DataId, force = false): boolean {
    const block = this.#entries.has(id) ? this.#entries.get(id).block : undefined;
    const isDone = super.disposeData(id, force);
    if (isDone && block !== undefined) this.arena.free(block);
    return isDone;
  }

  override memory(): { unreliable: boolean; reasons: string[] } {
    return { unreliable: false, reasons: [] };
  }

  /** Byte offset of a tensor's values in the arena; a tensor of another backend is moved here. */
  pointerTo(tensor: TensorInfo): number {
    const { block, dtype } = this.#entries.get(tensor.dataId as DataId);
    if (block === undefined || dtype !== tensor.dtype) {
      throw new Error(`Cannot address a tensor of type ${tensor.dtype} in the arena`);
    }
    return block.offset;
  }

  /** The values themselves, not a copy; valid until the tensor is disposed. */
  view(tensor: TensorInfo): NumericArray {
    return this.#entries.get(tensor.dataId as DataId).values as NumericArray;
  }

  /** A tensor with undefined values, for a kernel to fill. */
  empty(shape: number[], dtype: "float32" | "int32" = "float32"): Tensor {
    return tf.engine().makeTensorFromTensorInfo(this.emptyInfo(shape, dtype), this);
  }

  /** The same without registering a tensor: what tfjs' kernels return. */
  emptyInfo(shape: number[], dtype: "float32" | "int32" = "float32"): TensorInfo {
    const dataId: DataId = {};
    const size = shape.reduce((product, length) => product * length, 1);
    this.#entries.set(dataId, { ...this.#reserve(size, dtype), dtype, refCount: 1 });
    return { dataId, shape, dtype };
  }

  #reserve(size: number, dtype: keyof typeof arrayTypes): { values: NumericArray; block: Block } {
    const ArrayType = arrayTypes[dtype];
    const block = this.arena.allocate(size * ArrayType.BYTES_PER_ELEMENT);
    const buffer = this.arena.buffer as ArrayBuffer;
    return { values: new ArrayType(buffer, block.offset, size), block };
  }

  #adopt(values: BackendValues, shape: number[], dtype: DataType, refCount: number): Entry {
    if (!isNumeric(dtype) || values === undefined || values === null) {
      return { values, dtype, refCount };
    }
    const size = shape.reduce((product, length) => product * length, 1);
    const entry = this.#reserve(size, dtype);
    entry.values.set(values as NumericArray);
    return { ...entry, dtype, refCount };
  }
}
