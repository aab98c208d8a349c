/** What a restricted pickle can contain; nothing here can run. */

import type { DType } from "../tensors/tensor_data.ts";

/** A storage named by a pickle: raw elements elsewhere in the file. */
export interface StorageReference {
  /** Tells it from other values. */
  readonly kind: "storage";
  /** Names the file's member that holds the elements. */
  readonly key: string;
  /** The type of the elements. */
  readonly dtype: DType;
  /** Elements in the whole storage, according to the pickle. */
  readonly count: number;
}

/** A tensor named by a pickle: a strided view of a storage. Everything is in elements. */
export interface TensorReference {
  /** Tells it from other values. */
  readonly kind: "tensor";
  /** Where its elements are. */
  readonly storage: StorageReference;
  /** The first element's position in the storage. */
  readonly offset: number;
  /** Its dimensions. */
  readonly shape: readonly number[];
  /** Elements between neighbours along each axis. */
  readonly stride: readonly number[];
}

/** A Python tuple (including `torch.Size`). */
export class PickleTuple {
  /** A tuple of these values. */
  constructor(readonly items: PickleValue[]) {}
}

/** A Python dict, in its order. */
export class PickleDict {
  /** Values by key; keys may be of any kind. */
  readonly entries = new Map<PickleValue, PickleValue>();

  /** The value of a string key. */
  get(key: string): PickleValue | undefined {
    return this.entries.get(key);
  }
}

/** A class or function by its full name; only known names get this far. */
export class PickleGlobal {
  /** By module and name, such as `collections.OrderedDict`. */
  constructor(readonly name: string) {}
}

/**
 * An object kept as a description from the file: its class name, its constructor arguments, its
 * state. None of it has been run.
 */
export class PickleObject {
  /** What `__setstate__` would have been given; null if there was nothing. */
  state: PickleValue = null;
  /** By its class's full name, and the arguments that the class was called with. */
  constructor(readonly className: string, readonly args: PickleValue[]) {}
}

/** Everything that a pickle can produce. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | PickleTuple
  | PickleDict
  | PickleGlobal
  | PickleObject
  | StorageReference
  | TensorReference;

/** The values directly inside a value. */
export function childrenOf(value: PickleValue): PickleValue[] {
  if (Array.isArray(value)) return value;
  if (value instanceof PickleTuple) return value.items;
  if (value instanceof PickleDict) return [...value.entries.keys(), ...value.entries.values()];
  if (value instanceof PickleObject) return [...value.args, value.state];
  return [];
}

/** Whether a value is a tensor. */
export function isTensor(value: PickleValue | undefined): value is TensorReference {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "tensor";
}

/** Whether a value is a storage. */
export function isStorage(value: PickleValue | undefined): value is StorageReference {
  return typeof value === "object" && value !== null && "kind" in value &&
    value.kind === "storage";
}
