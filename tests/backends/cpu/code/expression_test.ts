import assert from "node:assert/strict";
import { dataStart, hasBfloat16, targets } from "./_targets.ts";

function bitsOf(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0];
}

/** The upper half of a float32 after rounding to nearest, halfway to even. */
function bfloat16Bits(value: number): number {
  const whole = bitsOf(value);
  return (whole + 0x7fff + ((whole >>> 16) & 1)) >>> 16;
}

const pairs = targets.find(({ lanes }) => lanes === 16 && hasBfloat16);

Deno.test({
  name: "toBfloat16() rounds halfway to even, and interleaveHalves() makes pairs",
  ignore: pairs === undefined,
  fn: () => {
    const values = [0, -0, 1, -1.00390625, 1.01171875, 3e38, -Infinity, Infinity, 1e-30, Math.PI];
    const memory = new Float32Array(64);
    for (let place = 0; place < 32; place++) memory[place] = values[place % 10];
    pairs!.run(
      {
        name: "pairs",
        build: (k) => {
          const [x, y] = k.indices("x", "y");
          const halves = k.let(k.load(x).toBfloat16(k.load(x, 64)));
          k.store(y, halves);
          k.store(y, halves.interleaveHalves(), 64);
        },
      },
      memory,
      [dataStart, dataStart + 128],
    );
    const expected = Array.from(memory.subarray(0, 32), bfloat16Bits);
    const halves = [...new Uint16Array(memory.buffer, 128, 32)];
    assert.deepEqual(halves, expected);
    const interleaved = [...new Uint16Array(memory.buffer, 192, 32)];
    const mixed = expected.map((_, place) => expected[(place % 2) * 16 + (place >> 1)]);
    assert.deepEqual(interleaved, mixed);
  },
});
