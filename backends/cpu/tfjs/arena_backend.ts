/**
 * tfjs' JavaScript backend with its values in an arena: every tfjs op works on the tensors that the
 * fused kernels share between threads.
 *
 * @module
 */

import type { DataType, Tensor, TensorInfo } from "../../../deps/tfjs.ts";
import { MathBackendCPU } from "../../../deps/tfjs_cpu.ts";
import { makeTensor } from "../../tfjs/handles.ts";
import type { Arena, Block } from "../memory/arena.ts";
import type { ThreadPool } from "../threads/thread_pool.ts";

type NumericArray = Float32Array | Int32Array | Uint8Array;
type BackendValues = Parameters<MathBackendCPU["write"]>[0];
type DataId = Parameters<MathBackendCPU["readSync"]>[0];

interface Entry {
  readonly values?: BackendValues;
  readonly dtype: DataType;
  refCount: number;
  readonly block?: Block;
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

/** Writes `count` numbers in bfloat16 as float32. */
type Widen = (from: number, to: number, count: number) => void;

/** Numbers in the arena. */
class NumericEntry implements Entry {
  readonly dtype: keyof typeof arrayTypes;
  refCount: number;
  readonly #arena: Arena;
  readonly #size: number;
  #block: Block;
  /** While the numbers are bfloat16: how to turn them into what `dtype` says. */
  #widen: Widen | null;
  #values: NumericArray | null = null;

  constructor(
    arena: Arena,
    size: number,
    dtype: keyof typeof arrayTypes,
    refCount: number,
    widen: Widen | null = null,
  ) {
    this.dtype = dtype;
    this.refCount = refCount;
    this.#widen = widen;
    const bytes = widen === null ? arrayTypes[dtype].BYTES_PER_ELEMENT : 2;
    this.#block = arena.allocate(size * bytes);
    this.#arena = arena;
    this.#size = size;
  }

  get isBfloat16(): boolean {
    return this.#widen !== null;
  }

  /** Where the numbers are now, in whichever format. */
  get block(): Block {
    return this.#block;
  }

  /** The numbers in the format that `dtype` says, from now on. */
  get proper(): Block {
    if (this.#widen !== null) {
      const wide = this.#arena.allocate(this.#size * 4);
      this.#widen(this.#block.offset, wide.offset, this.#size);
      this.#arena.free(this.#block);
      this.#block = wide;
      this.#widen = null;
    }
    return this.#block;
  }

  /** Created on demand: a view of shared memory takes a microsecond, and most are never needed. */
  get values(): NumericArray {
    const buffer = this.#arena.buffer as ArrayBuffer;
    return this.#values ??= new arrayTypes[this.dtype](buffer, this.proper.offset, this.#size);
  }
}

/** See the module comment. */
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

  /** A copy, because the arena reuses the memory once this tensor is disposed. */
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
    const entry = this.#entries.get(tensor.dataId as DataId);
    if (!(entry instanceof NumericEntry) || entry.dtype !== tensor.dtype) {
      throw new Error(`Cannot address a tensor of type ${tensor.dtype} in the arena`);
    }
    return entry.proper.offset;
  }

  /**
   * The same where the tensor is kept in bfloat16 as {@link emptyBfloat16} made it, or null. Whoever asks for
   * {@link pointerTo} or the values turns it into float32 for good.
   */
  pointerToBfloat16(tensor: TensorInfo): number | null {
    const entry = this.#entries.get(tensor.dataId as DataId);
    return entry instanceof NumericEntry && entry.isBfloat16 ? entry.block.offset : null;
  }

  /** The values themselves, not a copy; valid until the tensor is disposed. */
  view(tensor: TensorInfo): NumericArray {
    return this.#entries.get(tensor.dataId as DataId).values as NumericArray;
  }

  /** A tensor with undefined values, for a kernel to fill. */
  empty(shape: number[], dtype: "float32" | "int32" = "float32"): Tensor {
    return makeTensor(this.emptyInfo(shape, dtype), this);
  }

  /**
   * A tensor that is float32 for all but those who ask {@link pointerToBfloat16}, for a kernel to fill with
   * bfloat16, half as many bytes. Its size is a multiple of 32, and the kernels have `widen`.
   */
  emptyBfloat16(shape: number[]): Tensor {
    const dataId: DataId = {};
    const size = shape.reduce((product, length) => product * length, 1);
    const { widen } = this.pool.kernels;
    this.#entries.set(dataId, new NumericEntry(this.arena, size, "float32", 1, widen));
    return makeTensor({ dataId, shape, dtype: "float32" }, this);
  }

  /** The same without registering a tensor: what tfjs' kernels return. */
  emptyInfo(shape: number[], dtype: "float32" | "int32" = "float32"): TensorInfo {
    const dataId: DataId = {};
    const size = shape.reduce((product, length) => product * length, 1);
    this.#entries.set(dataId, new NumericEntry(this.arena, size, dtype, 1));
    return { dataId, shape, dtype };
  }

  #adopt(values: BackendValues, shape: number[], dtype: DataType, refCount: number): Entry {
    if (!isNumeric(dtype) || values === undefined || values === null) {
      return { values, dtype, refCount };
    }
    const size = shape.reduce((product, length) => product * length, 1);
    const entry = new NumericEntry(this.arena, size, dtype, refCount);
    entry.values.set(values as NumericArray);
    return entry;
  }
}
