/**
 * The calls that a PyTorch pickle may make. Each is answered by building a plain value here; no
 * name is ever looked up in a running program.
 */

import { FormatError } from "../format_error.ts";
import {
  isStorage,
  isTensor,
  PickleDict,
  PickleGlobal,
  PickleObject,
  PickleTuple,
  type PickleValue,
  type StorageReference,
  type TensorReference,
} from "./pickle_values.ts";
import { type DType, itemBytes } from "../tensors/tensor_data.ts";

const STORAGES: Record<string, DType> = {
  "torch.DoubleStorage": "F64",
  "torch.FloatStorage": "F32",
  "torch.HalfStorage": "F16",
  "torch.BFloat16Storage": "BF16",
  "torch.LongStorage": "I64",
  "torch.IntStorage": "I32",
  "torch.ShortStorage": "I16",
  "torch.CharStorage": "I8",
  "torch.ByteStorage": "U8",
  "torch.BoolStorage": "BOOL",
};

/** Kept as a description of what the file holds. */
const OPAQUE = new Set([
  "argparse.Namespace",
  "_codecs.encode",
  "numpy.ndarray",
  "numpy.dtype",
  "numpy.core.multiarray._reconstruct",
  "numpy.core.multiarray.scalar",
  "numpy._core.multiarray._reconstruct",
  "numpy._core.multiarray.scalar",
  "mmengine.logging.history_buffer.HistoryBuffer",
  "torch.device",
]);

/** Classes of a TorchScript program, whose objects hold weights, and its markers for typed lists. */
const TORCHSCRIPT =
  /^(__torch__\.[\w.]+|torch\.jit\._pickle\.(build_(int|double|bool|tensor)list|restore_type_tag))$/;

function isOpaque(full: string): boolean {
  return OPAQUE.has(full) || TORCHSCRIPT.test(full);
}

/** Python 2 names of built-ins, as spelt by pickles of protocol 2. */
const GETATTR = new Set(["__builtin__.getattr", "builtins.getattr"]);

const DTYPE =
  /^torch\.(float(16|32|64)?|bfloat16|half|double|u?int(8|16|32|64)|long|int|short|bool)$/;

const MAX_RANK = 64;
/** Characters in a module's path or a name. */
const MAX_NAME = 200;

type Call = (args: PickleValue[]) => PickleValue;

const CALLS: Record<string, Call> = {
  "collections.OrderedDict": orderedDict,
  "torch.Size": ([items, ...rest]) => {
    if (items instanceof PickleTuple && rest.length === 0) return items;
    throw new FormatError("it makes a torch.Size from something other than a tuple");
  },
  "torch._utils._rebuild_tensor": ([storage, offset, shape, stride]) =>
    rebuildTensor(storage, offset, shape, stride),
  "torch._utils._rebuild_tensor_v2": ([storage, offset, shape, stride]) =>
    rebuildTensor(storage, offset, shape, stride),
  "torch._utils._rebuild_parameter": ([tensor]) => {
    if (isTensor(tensor)) return tensor;
    throw new FormatError("it makes a parameter from something other than a tensor");
  },
};

/** The value of a global name; unknown ones are rejected by name. */
export function resolveGlobal(module: PickleValue, name: PickleValue): PickleValue {
  // Anything else that gets here may be lists of lists, which must not be turned into text.
  if (typeof module !== "string" || typeof name !== "string") {
    throw new FormatError("it names a function by something other than text");
  }
  if (module.length > MAX_NAME || name.length > MAX_NAME) {
    throw new FormatError("its pickle has an endless name");
  }
  const full = `${module}.${name}`;
  const isKnown = Object.hasOwn(CALLS, full) || Object.hasOwn(STORAGES, full) ||
    isOpaque(full) || GETATTR.has(full);
  if (isKnown) return new PickleGlobal(full);
  if (DTYPE.test(full)) return new PickleObject("torch.dtype", [full]);
  if (module === "torch" && name.endsWith("Storage")) {
    throw new FormatError(
      `it holds a ${JSON.stringify(full.slice(0, 60))}, which is not supported`,
    );
  }
  throw new FormatError(
    `it wants to use ${JSON.stringify(full.slice(0, 100))}, which no checkpoint needs`,
  );
}

/** The result of calling a known name. */
export function callGlobal(
  callee: PickleValue | undefined,
  args: PickleValue | undefined,
): PickleValue {
  if (!(callee instanceof PickleGlobal) || !(args instanceof PickleTuple)) {
    throw new FormatError("it calls something that is not a function");
  }
  if (Object.hasOwn(CALLS, callee.name)) return CALLS[callee.name](args.items);
  if (GETATTR.has(callee.name)) return attributeOf(args.items);
  if (isOpaque(callee.name)) return new PickleObject(callee.name, args.items);
  throw new FormatError(`it calls ${callee.name}, which is not a function`);
}

/** The result of `NEWOBJ`: an opaque object, or an ordered dict. */
export function newObject(
  cls: PickleValue | undefined,
  args: PickleValue | undefined,
): PickleValue {
  if (!(cls instanceof PickleGlobal) || !(args instanceof PickleTuple)) {
    throw new FormatError("it makes an object of something that is not a class");
  }
  if (cls.name === "collections.OrderedDict") return orderedDict(args.items);
  if (isOpaque(cls.name)) return new PickleObject(cls.name, args.items);
  throw new FormatError(`it makes an object of ${cls.name}, which is not a suitable class`);
}

/** Applies `BUILD`'s state. */
export function build(target: PickleValue | undefined, state: PickleValue): void {
  if (target instanceof PickleObject && target.className !== "torch.dtype") {
    target.state = state;
  } else if (!(target instanceof PickleDict)) {
    throw new FormatError("it sets the state of something that has none");
  } // An OrderedDict's attributes, such as a state dict's _metadata, hold no weights.
}

/** A method of an opaque class, as named by mmengine's history buffers. */
function attributeOf([owner, name, ...rest]: PickleValue[]): PickleValue {
  if (owner instanceof PickleGlobal && OPAQUE.has(owner.name) && rest.length === 0) {
    if (typeof name === "string" && /^[A-Za-z][A-Za-z0-9_]*$/.test(name)) {
      return new PickleObject("attribute", [owner.name, name]);
    }
  }
  throw new FormatError("it asks for an attribute of something that is not a known class");
}

function orderedDict(args: PickleValue[]): PickleDict {
  const dict = new PickleDict();
  if (args.length === 0) return dict;
  const pairs = Array.isArray(args[0]) && args.length === 1 ? args[0] : undefined;
  for (const pair of pairs ?? [null]) {
    const items = pair instanceof PickleTuple ? pair.items : pair;
    if (!Array.isArray(items) || items.length !== 2) {
      throw new FormatError("it makes an OrderedDict from something other than pairs");
    }
    dict.entries.set(items[0], items[1]);
  }
  return dict;
}

function isCount(value: PickleValue | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function extents(value: PickleValue | undefined, what: string): number[] {
  const items = value instanceof PickleTuple ? value.items : value;
  if (Array.isArray(items) && items.length <= MAX_RANK && items.every(isCount)) {
    return items as number[];
  }
  throw new FormatError(`a tensor's ${what} is not a tuple of integers`);
}

function rebuildTensor(
  storage: PickleValue | undefined,
  offset: PickleValue | undefined,
  size: PickleValue | undefined,
  strides: PickleValue | undefined,
): TensorReference {
  if (!isStorage(storage)) throw new FormatError("a tensor has no storage");
  if (!isCount(offset)) throw new FormatError("a tensor's offset is not an integer");
  const shape = extents(size, "shape");
  const stride = extents(strides, "stride");
  if (shape.length !== stride.length) {
    throw new FormatError(`a tensor of ${shape.length} axes has ${stride.length} strides`);
  }
  const tensor = { kind: "tensor", storage, offset, shape, stride } as const;
  checkExtent(tensor);
  return tensor;
}

/** The view must lie within its storage, and its size must be a countable number. */
function checkExtent({ storage, offset, shape, stride }: TensorReference): void {
  const elements = shape.reduce((product, extent) => product * extent, itemBytes(storage.dtype));
  let last = offset - 1;
  if (!shape.includes(0)) {
    last = shape.reduce((sum, extent, axis) => sum + (extent - 1) * stride[axis], offset);
  }
  if (!Number.isSafeInteger(elements) || !Number.isSafeInteger(last) || last >= storage.count) {
    throw new FormatError(
      `a tensor of shape [${shape}] reaches beyond its storage of ${storage.count} elements`,
    );
  }
}

/** A persistent id: `("storage", class, key, device, count[, view])`. */
export function storageOf(id: PickleValue | undefined): StorageReference {
  const items = id instanceof PickleTuple ? id.items : [];
  const [tag, cls, key, , count, view] = items;
  const dtype = cls instanceof PickleGlobal && Object.hasOwn(STORAGES, cls.name)
    ? STORAGES[cls.name]
    : undefined;
  if (tag !== "storage" || !dtype || typeof key !== "string" || !/^\d{1,20}$/.test(key)) {
    throw new FormatError("it names a storage in an unknown way");
  }
  if (!isCount(count) || !Number.isSafeInteger(count * itemBytes(dtype))) {
    const claimed = typeof count === "number" ? `${count}` : "no number of";
    throw new FormatError(`storage ${key} claims ${claimed} elements`);
  }
  // A sixth item is how PyTorch 0.x files wrote a part of another storage.
  if (view !== undefined && view !== null) {
    throw new FormatError(`storage ${key} is a view in a form that PyTorch no longer writes`);
  }
  return { kind: "storage", key, dtype, count };
}
