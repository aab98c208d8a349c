import assert from "node:assert/strict";
import { fc } from "../../../deps/fast_check.ts";
import { UserError } from "../../../core/errors.ts";
import { openSafetensors } from "../../../checkpoints/safetensors/safetensors.ts";
import {
  encodeSafetensors,
  writeSafetensors,
} from "../../../checkpoints/safetensors/safetensors_writer.ts";
import { type TensorData, toFloat32 } from "../../../checkpoints/tensors/tensor_data.ts";

const HOSTILE = new URL("../../fixtures/pth/hostile/", import.meta.url);

const SAMPLES: [string, TensorData][] = [
  ["bool", { dtype: "BOOL", shape: [3], data: new Uint8Array([1, 0, 1]) }],
  ["bf16", { dtype: "BF16", shape: [2], data: new Uint16Array([0x3f80, 0xbf80]) }],
  ["f16", { dtype: "F16", shape: [4], data: new Uint16Array([0x3c00, 0x0001, 0xfc00, 0x7e00]) }],
  ["f32", { dtype: "F32", shape: [2, 2], data: new Float32Array([1, -2, 3.5, NaN]) }],
  ["f64", { dtype: "F64", shape: [1], data: new Float64Array([Math.PI]) }],
  ["i64", { dtype: "I64", shape: [2], data: new BigInt64Array([-(2n ** 62n), 9007199254740993n]) }],
  ["i32", { dtype: "I32", shape: [1], data: new Int32Array([-7]) }],
  ["i16", { dtype: "I16", shape: [1], data: new Int16Array([-300]) }],
  ["i8", { dtype: "I8", shape: [1], data: new Int8Array([-128]) }],
  ["u8", { dtype: "U8", shape: [2], data: new Uint8Array([0, 255]) }],
  ["scalar", { dtype: "F32", shape: [], data: new Float32Array([3.25]) }],
  ["empty", { dtype: "F32", shape: [0, 3], data: new Float32Array(0) }],
];

async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    assert(error instanceof UserError, `not a UserError: ${error}`);
    assert(!error.message.includes("\n"), error.message);
    return error.message;
  }
  assert.fail("it was accepted");
}

function handmade(header: string, data = 0): Uint8Array {
  const json = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + json.length + data);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

Deno.test("openSafetensors() gives back every dtype that encodeSafetensors() wrote", async () => {
  const file = await openSafetensors(encodeSafetensors(SAMPLES, { note: "ünï" }));
  assert.equal(file.metadata.note, "ünï");
  assert.deepEqual(file.names().sort(), SAMPLES.map(([name]) => name).sort());
  for (const [name, wanted] of SAMPLES) {
    assert.deepEqual(file.info(name), { dtype: wanted.dtype, shape: wanted.shape });
    assert.deepEqual((await file.read(name)).data, wanted.data);
  }
});

Deno.test("toFloat32() understands half precision, subnormals and infinities", () => {
  const half = toFloat32(SAMPLES[2][1]);
  assert.deepEqual([...half], [1, 2 ** -24, -Infinity, NaN]);
});

Deno.test("writeSafetensors() reads lazy tensors one after the other", async () => {
  const path = await Deno.makeTempFile();
  let isReading = false;
  const lazy = SAMPLES.map(([name, tensor]) =>
    [name, {
      dtype: tensor.dtype,
      shape: tensor.shape,
      read: async () => {
        assert(!isReading);
        isReading = true;
        await Promise.resolve();
        isReading = false;
        return tensor;
      },
    }] as const
  );
  const written = await writeSafetensors(path, lazy);
  const bytes = await Deno.readFile(path);
  assert.equal(written.bytes, bytes.length);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  assert.equal(written.sha256, digest.toHex());
  assert.deepEqual(bytes, encodeSafetensors(SAMPLES));
  const file = await openSafetensors(path);
  assert.deepEqual((await file.read("i64")).data, SAMPLES[5][1].data);
  file.close();
  await Deno.remove(path);
});

Deno.test("writeSafetensors() refuses a lazy tensor that gives another shape", async () => {
  const path = await Deno.makeTempFile();
  const lazy = { dtype: "F32", shape: [2], read: () => SAMPLES[10][1] } as const;
  const message = await refusal(writeSafetensors(path, [["w", lazy]]));
  assert.match(message, /Cannot write "w": expected F32 \[2\], found F32 \[\]/);
  await Deno.remove(path);
});

for (const entry of Deno.readDirSync(HOSTILE)) {
  if (!entry.name.startsWith("st_")) continue;
  Deno.test(`openSafetensors() refuses ${entry.name}`, async () => {
    const message = await refusal(openSafetensors(new URL(entry.name, HOSTILE)));
    assert(message.includes(entry.name), message);
  });
}

const REFUSED: Record<string, [Uint8Array, RegExp]> = {
  "an unknown dtype": [
    handmade('{"w":{"dtype":"F8","shape":[1],"data_offsets":[0,1]}}', 1),
    /unsupported dtype "F8"/,
  ],
  "a fractional size": [
    handmade('{"w":{"dtype":"U8","shape":[0.5],"data_offsets":[0,1]}}', 1),
    /not a list of sizes/,
  ],
  "a negative size": [
    handmade('{"w":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}', 1),
    /not a list of sizes/,
  ],
  "a backward range": [
    handmade('{"w":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}', 1),
    /not a range/,
  ],
  "bytes after the last tensor": [
    handmade('{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 2),
    /its tensors end at/,
  ],
  "metadata of numbers": [handmade('{"__metadata__":{"a":1}}'), /not a map of strings/],
  "a list as header": [handmade("[]"), /not a JSON object/],
  "bytes that are no UTF-8": [handmade("{}").fill(0xff, 8), /not valid JSON/],
  "an empty file": [new Uint8Array(0), /it has 0 bytes/],
};

for (const [what, [bytes, reason]] of Object.entries(REFUSED)) {
  Deno.test(`openSafetensors() refuses ${what}`, async () => {
    assert.match(await refusal(openSafetensors(bytes)), reason);
  });
}

Deno.test("openSafetensors() reads by ranges from a web server", async () => {
  const bytes = encodeSafetensors(SAMPLES);
  const ranges: string[] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
    const range = request.headers.get("range") ?? "";
    ranges.push(range);
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range)!.map(Number);
    return new Response(bytes.slice(first, last + 1), {
      status: 206,
      headers: { "content-range": `bytes ${first}-${last}/${bytes.length}` },
    });
  });
  const file = await openSafetensors(new URL(`http://127.0.0.1:${server.addr.port}/w`));
  assert.deepEqual((await file.read("f32")).data, SAMPLES[3][1].data);
  assert.equal(ranges.length, 4); // total size, header length, header, one tensor
  file.close();
  await server.shutdown();
});

Deno.test("openSafetensors() says that a server without ranges will not do", async () => {
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    () => new Response("all of it"),
  );
  const url = new URL(`http://127.0.0.1:${server.addr.port}/w`);
  assert.match(await refusal(openSafetensors(url)), /does not serve ranges/);
  await server.shutdown();
});

Deno.test("openSafetensors() names the missing file and the missing tensor", async () => {
  assert.match(await refusal(openSafetensors("no/such.safetensors")), /it does not exist/);
  const file = await openSafetensors(encodeSafetensors(SAMPLES));
  assert.match(await refusal(file.read("none")), /"none" of "bytes": no such tensor/);
});

Deno.test("openSafetensors() survives 3000 mutations of a good file", async () => {
  const good = encodeSafetensors(SAMPLES, { note: "x" });
  const edit = fc.record({ at: fc.nat({ max: good.length - 1 }), value: fc.nat({ max: 255 }) });
  let read = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(edit, { maxLength: 4 }),
      fc.option(fc.nat({ max: good.length }), { freq: 4 }),
      async (edits, cut) => {
        const bytes = good.slice(0, cut ?? good.length);
        for (const { at, value } of edits) if (at < bytes.length) bytes[at] = value;
        try {
          const file = await openSafetensors(bytes);
          for (const name of file.names()) await file.read(name);
          read++;
        } catch (error) {
          assert(error instanceof UserError, String(error));
          assert(!error.message.includes("\n"));
        }
      },
    ),
    { seed: 4, numRuns: 3000 },
  );
  assert(read > 100 && read < 2900, `${read} were read`);
});
