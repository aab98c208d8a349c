/** What a restricted pickle can contain; nothing here can run. */

import type { DType } from "../tensors/tensor_data.ts";

/** A storage named by a pickle: raw elements elsewhere in the file. */
export interface StorageReference {
  readonly kind: "storage";
  readonly key: string;
  readonly dtype: DType;
  /** Elements in the whole storage, according to the pickle. */
  readonly count: number;
}

/** A tensor named by a pickle: a strided view of a storage. Everything is in elements. */
export interface TensorReference {
  readonly kind: "tensor";
  readonly storage: StorageReference;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly stride: readonly number[];
}

/** A Python tuple (including `torch.Size`). */
export class PickleTuple {
  constructor(readonly items: PickleValue[]) {}
}

/** A Python dict, in its order. */
export class PickleDict {
  readonly entries = new Map<PickleValue, PickleValue>();

  /** The value of a string key. */
  get(key: string): PickleValue | undefined {
    return this.entries.get(key);
  }
}

/** A class or function by its full name; only known names get this far. */
export class PickleGlobal {
  constructor(readonly name: string) {}
}

/**
 * An object kept as a description from the file: its class name, its constructor arguments, its
 * state. None of it has been run.
 */
export class PickleObject {
  state: PickleValue = null;
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
