/**
 * Reads PyTorch `.pth` files without PyTorch and without running anything in them.
 *
 * Both formats of `torch.save` are supported: the zip archive and the legacy stream of pickles. The pickle may
 * build tensors and plain containers; a few harmless objects (argparse's namespace, numpy arrays, mmengine's
 * history buffers, the modules of a TorchScript program) are kept as descriptions; every other name is
 * rejected. Tensors are read on demand, so that a large file needs only the memory of its largest tensor.
 *
 * @module
 */

import { UserError } from "../../core/errors.ts";
import { sizeOf } from "../../core/shapes.ts";
import { type ByteSource, openSource } from "../tensors/byte_source.ts";
import { FormatError, withFileName } from "../format_error.ts";
import { openContainer, type PthContainer } from "./pth_storages.ts";
import {
  isTensor,
  PickleDict,
  PickleObject,
  type PickleValue,
  type TensorReference,
} from "./pickle_values.ts";
import { gather, isRowMajor, spanOf } from "../tensors/strided.ts";
import {
  arrayOver,
  itemBytes,
  type TensorData,
  type TensorFile,
  type TensorInfo,
} from "../tensors/tensor_data.ts";

export {
  PickleDict,
  PickleGlobal,
  PickleObject,
  PickleTuple,
  type PickleValue,
  type TensorReference,
} from "./pickle_values.ts";

/** An open `.pth` file. */
export interface PthFile extends TensorFile {
  /** Which of the two formats it has. */
  readonly layout: "zip" | "legacy";
  /** Everything that was saved; tensors are references for {@link PthFile.readReference}. */
  readonly content: PickleValue;
  /** Keys from the root to the state dict that `names` lists, such as `["model"]`. */
  readonly wrappers: readonly string[];
  /** Reads any tensor of `content`. */
  readReference(tensor: TensorReference): Promise<TensorData>;
}

/** A tensor broadcast from a smaller storage may exceed the file's size by this much. */
const SPREAD_BYTES = 16 * 1024 * 1024;

/** Where training code keeps the weights, in order of preference; DINO publishes its teacher. */
const WRAPPERS = ["state_dict", "model", "module", "model_state_dict", "teacher", "student"];

function isStateDict(value: PickleValue | undefined): value is PickleDict {
  return value instanceof PickleDict && [...value.entries.values()].some(isTensor);
}

/** A program with more modules and attributes than this is not a model. */
const MAX_MEMBERS = 100_000;
/** Characters in the path to a module. */
const MAX_PATH = 1000;

/** The weights of a TorchScript program: attributes of objects, named by their path. */
function programState(root: PickleObject): PickleDict {
  const dict = new PickleDict();
  let members = 0;
  const visit = (object: PickleObject, prefix: string) => {
    const entries = object.state instanceof PickleDict ? object.state.entries : new Map();
    members += 1 + entries.size;
    if (members > MAX_MEMBERS || prefix.length > MAX_PATH) {
      throw new FormatError("it has too many modules, or endless names");
    }
    for (const [name, value] of entries) {
      if (typeof name !== "string" || name.length > MAX_PATH) continue;
      if (isTensor(value)) dict.entries.set(`${prefix}${name}`, value);
      else if (value instanceof PickleObject) visit(value, `${prefix}${name}.`);
    }
  };
  visit(root, "");
  return dict;
}

/** Finds the dict of weights: the root itself, or one or two wrappers down. */
function findStateDict(root: PickleValue): { wrappers: string[]; dict: PickleDict | undefined } {
  if (isStateDict(root)) return { wrappers: [], dict: root };
  if (root instanceof PickleObject && root.className.startsWith("__torch__.")) {
    return { wrappers: [], dict: programState(root) };
  }
  if (root instanceof PickleDict) {
    for (const wrapper of WRAPPERS) {
      const inner = root.get(wrapper);
      if (isStateDict(inner)) return { wrappers: [wrapper], dict: inner };
      if (!(inner instanceof PickleDict)) continue;
      for (const second of WRAPPERS) {
        const innermost = inner.get(second);
        if (isStateDict(innermost)) return { wrappers: [wrapper, second], dict: innermost };
      }
    }
  }
  return { wrappers: [], dict: undefined };
}

function infoOf({ storage, shape }: TensorReference): TensorInfo {
  return { dtype: storage.dtype, shape };
}

/** Views may repeat their elements; the result must stay close to the file's size. */
function checkSpread(source: ByteSource, tensors: readonly TensorReference[]): void {
  let total = 0;
  for (const { storage, shape } of tensors) {
    const bytes = sizeOf(shape) * itemBytes(storage.dtype);
    total += bytes;
    if (bytes > source.size + SPREAD_BYTES || total > 8 * source.size + 4 * SPREAD_BYTES) {
      throw new FormatError(`its tensors of shape [${shape}] are far larger than the file`);
    }
  }
}

async function readTensor(
  container: PthContainer,
  { storage, offset, shape, stride }: TensorReference,
): Promise<TensorData> {
  const item = itemBytes(storage.dtype);
  const span = spanOf(shape, stride);
  const bytes = await container.readBytes(storage, offset * item, span * item);
  const data = arrayOver(storage.dtype, bytes);
  if (isRowMajor(shape, stride)) return { dtype: storage.dtype, shape, data };
  const target = arrayOver(storage.dtype, new Uint8Array(sizeOf(shape) * item));
  gather(data, target, shape, stride);
  return { dtype: storage.dtype, shape, data: target };
}

/**
 * Opens a `.pth` file by path, URL or bytes. Anything malicious, truncated or inconsistent is a
 * one-line `UserError`; nothing in the file is executed.
 *
 * @example
 * ```ts
 * import { openPth } from "./pth.ts";
 * import { encodePth } from "./pth_writer.ts";
 * const bias = { dtype: "F32", shape: [2], data: new Float32Array([1, 2]) } as const;
 * const file = await openPth(encodePth({ model: { "head.bias": bias }, epoch: 3 }));
 * if (file.wrappers[0] !== "model" || file.names()[0] !== "head.bias") throw new Error();
 * if ((await file.read("head.bias")).data[1] !== 2) throw new Error();
 * ```
 */
export async function openPth(from: string | URL | Uint8Array): Promise<PthFile> {
  return await pthOf(await openSource(from));
}

/** Like {@link openPth}, from a source that is closed with the file. */
export async function pthOf(source: ByteSource): Promise<PthFile> {
  let container: PthContainer;
  let weights: ReturnType<typeof findStateDict>;
  try {
    container = await openContainer(source);
    checkSpread(source, container.content.tensors);
    weights = findStateDict(container.content.value);
  } catch (error) {
    source.close();
    throw withFileName(source.name, error);
  }
  const { value: content } = container.content;
  const { wrappers, dict } = weights;
  const tensors = new Map<string, TensorReference>();
  for (const [name, value] of dict?.entries ?? []) {
    if (typeof name === "string" && isTensor(value)) tensors.set(name, value);
  }
  const referenceOf = (name: string) => {
    const tensor = tensors.get(name);
    if (!tensor) throw new UserError(`Cannot read "${name}" of "${source.name}": no such tensor`);
    return tensor;
  };
  const readReference = async (tensor: TensorReference) => {
    try {
      return await readTensor(container, tensor);
    } catch (error) {
      throw withFileName(source.name, error);
    }
  };
  return {
    layout: container.layout,
    content,
    wrappers,
    metadata: {},
    names: () => [...tensors.keys()],
    info: (name) => infoOf(referenceOf(name)),
    read: async (name) => await readReference(referenceOf(name)),
    readReference,
    close: () => source.close(),
  };
}
