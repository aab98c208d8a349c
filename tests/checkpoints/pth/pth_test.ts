import assert from "node:assert/strict";
import { UserError } from "../../../core/errors.ts";
import {
  openPth,
  PickleDict,
  PickleGlobal,
  PickleObject,
  PickleTuple,
  type PickleValue,
  type PthFile,
  type TensorReference,
} from "../../../checkpoints/pth/pth.ts";
import { type TensorData, toFloat32 } from "../../../checkpoints/tensors/tensor_data.ts";

const FOLDER = new URL("../../fixtures/pth/", import.meta.url);

interface Expected {
  expect: string;
  reason?: string;
  note?: string;
  content?: unknown;
}

const expected: { pwned_marker: string; files: Record<string, Expected> } = JSON.parse(
  await Deno.readTextFile(new URL("expected.json", FOLDER)),
);

const TORCH_DTYPE: Record<string, string> = {
  F16: "float16",
  BF16: "bfloat16",
  F32: "float32",
  F64: "float64",
  I64: "int64",
  I32: "int32",
  I16: "int16",
  I8: "int8",
  U8: "uint8",
  BOOL: "bool",
};

function plainData({ dtype, data, ...rest }: TensorData): unknown[] {
  if (dtype === "I64") return Array.from(data, String);
  if (dtype === "BOOL") return Array.from(data, Boolean);
  return Array.from(dtype === "F64" ? data as Float64Array : toFloat32({ dtype, data, ...rest }));
}

/** A value as `expected.json` writes it. */
async function plain(file: PthFile, value: PickleValue): Promise<unknown> {
  if (value instanceof PickleDict) {
    const pairs: unknown[] = [];
    for (const [key, item] of value.entries) pairs.push([key, await plain(file, item)]);
    return { __dict__: pairs };
  }
  if (value instanceof PickleTuple) return { __tuple__: await plainList(file, value.items) };
  if (Array.isArray(value)) return await plainList(file, value);
  if (value instanceof PickleObject && value.className === "torch.dtype") {
    return { __object__: "torch.dtype", repr: value.args[0] };
  }
  if (value instanceof PickleObject) {
    const state: Record<string, unknown> = {};
    const entries = value.state instanceof PickleDict ? value.state.entries : [];
    for (const [key, item] of entries) state[String(key)] = await plain(file, item);
    return { __object__: value.className, state };
  }
  if (value instanceof PickleGlobal) return { __global__: value.name };
  if (typeof value === "object" && value !== null && "kind" in value) {
    const tensor = await file.readReference(value as TensorReference);
    const dtype = TORCH_DTYPE[tensor.dtype];
    return { __tensor__: true, dtype, shape: tensor.shape, data: plainData(tensor) };
  }
  return value;
}

async function plainList(file: PthFile, items: PickleValue[]): Promise<unknown[]> {
  const list: unknown[] = [];
  for (const item of items) list.push(await plain(file, item));
  return list;
}

/** Reads everything that a file holds; only ever a `UserError` of one line may come out. */
async function readAll(path: URL): Promise<string | undefined> {
  try {
    const file = await openPth(path);
    try {
      for (const name of file.names()) await file.read(name);
    } finally {
      file.close();
    }
  } catch (error) {
    assert(error instanceof UserError, `not a UserError: ${error}`);
    assert(!error.message.includes("\n") && error.message.length < 400, error.message);
    return error.message;
  }
}

/** Notes are not content, and int64 values stand as strings throughout. */
function normalised(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_key, item) => {
    if (!item || typeof item !== "object" || !("__tensor__" in item)) return item;
    delete item.note;
    return item.dtype === "int64" ? { ...item, data: item.data.map(String) } : item;
  });
}

for (const [name, wanted] of Object.entries(expected.files)) {
  if (!name.endsWith(".pth")) continue;
  const path = new URL(name, FOLDER);
  if (wanted.expect === "ok") {
    Deno.test(`openPth() reads ${name}`, async () => {
      const file = await openPth(path);
      const content = await plain(file, file.content) as { __dict__: [string, unknown][] };
      const target = wanted.content as { __dict__: [string, unknown][] };
      if (name === "zip_mmengine_like.pth") {
        const listed = target.__dict__.map(([key]) => key);
        content.__dict__ = content.__dict__.filter(([key]) => listed.includes(key));
      }
      assert.deepEqual(JSON.parse(JSON.stringify(content)), normalised(target));
      file.close();
    });
  } else if (wanted.expect === "ok-or-clear-error") {
    Deno.test(`openPth() says why it refuses ${name}`, async () => {
      assert.match(await readAll(path) ?? "", /compressed/);
    });
  } else {
    Deno.test(`openPth() survives ${name}: ${wanted.reason}`, async () => {
      const message = await readAll(path);
      const mayBeRead = ["zip_billion_laughs.pth"].some((file) => name.endsWith(file));
      assert(mayBeRead || message?.startsWith("Cannot read"), `accepted: ${name}`);
      await assert.rejects(Deno.stat(expected.pwned_marker), Deno.errors.NotFound);
    });
  }
}

Deno.test("openPth() finds the weights inside their wrappers", async () => {
  for (
    const [name, wrappers] of [
      ["zip_simple.pth", []],
      ["zip_unilm_like.pth", ["model"]],
      ["zip_deepspeed_module.pth", ["module"]],
      ["zip_mmengine_like.pth", ["state_dict"]],
    ] as const
  ) {
    const file = await openPth(new URL(name, FOLDER));
    assert.deepEqual(file.wrappers, wrappers);
    assert(file.names().length >= 3);
    file.close();
  }
});

Deno.test("openPth() reads the weights of a TorchScript program", async () => {
  const file = await openPth(new URL("torchscript.pt", FOLDER));
  const wanted: Record<string, number[]> = JSON.parse(
    await Deno.readTextFile(new URL("torchscript.json", FOLDER)),
  );
  assert.deepEqual(file.names().sort(), Object.keys(wanted).sort());
  for (const [name, values] of Object.entries(wanted)) {
    assert.deepEqual([...toFloat32(await file.read(name))], values, name);
  }
  file.close();
});
