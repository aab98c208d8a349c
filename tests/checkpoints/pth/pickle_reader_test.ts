import assert from "node:assert/strict";
import { unpickle } from "../../../checkpoints/pth/pickle_reader.ts";

/** Opcodes as bytes, and text as ASCII. */
function pickle(...parts: (number | string | Uint8Array)[]): Uint8Array {
  const bytes: number[] = [0x80, 2];
  for (const part of parts) {
    if (typeof part === "number") bytes.push(part);
    else {
      const found = typeof part === "string" ? new TextEncoder().encode(part) : part;
      for (const byte of found) bytes.push(byte);
    }
  }
  bytes.push(0x2e);
  return Uint8Array.from(bytes);
}

function repeated(opcodes: readonly number[], times: number): Uint8Array {
  return Uint8Array.from({ length: opcodes.length * times }, (_, i) => opcodes[i % opcodes.length]);
}

const global = (name: string) => `c${name.replace(/\.(?=[^.]+$)/, "\n")}\n`;

/** What must be refused, in seconds and in bytes of memory. */
function refuses(bytes: Uint8Array, message: RegExp): void {
  const before = Deno.memoryUsage();
  const start = performance.now();
  assert.throws(() => unpickle(bytes), (error: Error) => {
    assert.equal(error.name, "FormatError", `${error.stack}`);
    assert.match(error.message, message);
    return true;
  });
  const after = Deno.memoryUsage();
  const taken = after.heapUsed + after.external - before.heapUsed - before.external;
  assert.ok(taken < 400 * 2 ** 20, `${taken} bytes`);
  const seconds = (performance.now() - start) / 1000;
  assert.ok(seconds < 20, `${seconds} s`);
}

Deno.test("a list of pairs that many calls make dicts of is counted in each call", () => {
  // Memo 0: OrderedDict; memo 1: a tuple with a list of 20 000 pairs.
  const pairs = repeated([0x4d, 0, 0, 0x4b, 2, 0x86], 20_000);
  const view = new DataView(pairs.buffer);
  for (let pair = 0; pair < 20_000; pair++) view.setUint16(pair * 6 + 1, pair, true);
  const list = [0x5d, 0x28, pairs, 0x65, 0x85, 0x71, 1];
  const call = [0x68, 0, 0x68, 1, 0x52];
  const distinct = pickle(
    global("collections.OrderedDict"),
    0x71,
    0,
    ...list,
    repeated(call, 1000),
  );
  refuses(distinct, /too many values/);
});

Deno.test("arguments that many objects share are counted in each of them", () => {
  const args = [0x28, repeated([0x4b, 1], 100_000), 0x74, 0x71, 1];
  for (const opcode of [0x52, 0x81]) {
    const object = [0x68, 0, 0x68, 1, opcode];
    refuses(
      pickle(global("argparse.Namespace"), 0x71, 0, ...args, repeated(object, 100_000)),
      /too many values/,
    );
  }
});

Deno.test("no text is made of lists within lists", () => {
  // Each list holds the one before twice: 2³⁰ numbers if it were written out.
  const nested: number[] = [0x5d, 0x4b, 1, 0x61, 0x71, 0];
  for (let depth = 1; depth <= 30; depth++) {
    nested.push(0x5d, 0x68, depth - 1, 0x61, 0x68, depth - 1, 0x61, 0x71, depth);
  }
  refuses(pickle(Uint8Array.from(nested), 0x68, 30, 0x93), /something other than text/);
  const storage = [
    0x58,
    7,
    0,
    0,
    0,
    "storage",
    global("torch.FloatStorage"),
    0x58,
    1,
    0,
    0,
    0,
    "0",
  ];
  refuses(
    pickle(Uint8Array.from(nested), 0x28, ...storage, 0x4e, 0x68, 30, 0x74, 0x51),
    /storage 0 claims/,
  );
});

Deno.test("a name is as short as names are, however it is written", () => {
  const module = "__torch__." + "a".repeat(1_000_000);
  const length = new Uint8Array(new Uint32Array([module.length]).buffer);
  const name = [0x58, length, module, 0x71, 0, 0x58, 1, 0, 0, 0, "b", 0x71, 1, 0x93];
  refuses(pickle(...name, repeated([0x68, 0, 0x68, 1, 0x93], 1000)), /endless name/);
});

Deno.test("tensors and dicts are counted", () => {
  const id = [
    0x28,
    ...[0x58, 7, 0, 0, 0, "storage", global("torch.FloatStorage"), 0x58, 1, 0, 0, 0, "0"],
    ...[0x58, 3, 0, 0, 0, "cpu", 0x4b, 4, 0x74, 0x51],
  ];
  const args = [0x28, ...id, 0x4b, 0, 0x4b, 4, 0x85, 0x4b, 1, 0x85, 0x74, 0x71, 1];
  const call = [0x68, 0, 0x68, 1, 0x52];
  refuses(
    pickle(global("torch._utils._rebuild_tensor_v2"), 0x71, 0, ...args, repeated(call, 600_000)),
    /too many (values|tensors)/,
  );
  refuses(pickle(repeated([0x7d], 1_999_000)), /too many values/);
});
