/** Every instruction of the x86-64 encoder against the bytes of the GNU assembler. */

import assert from "node:assert/strict";
import {
  inRegister,
  type Lanes,
  type Operand,
  register,
  X64Assembler,
} from "../../../backends/cpu/providers/native/x64_assembler.ts";
import { processorQuery } from "../../../backends/cpu/providers/native/processor_ffi.ts";
import fixture from "./fixtures/x64_instructions.json" with { type: "json" };

function registerNumber(text: string): number {
  const vector = /^[xyz]mm(\d+)(?:\{k1\})?$/.exec(text);
  if (vector !== null) return Number(vector[1]);
  const name = text.replace(/^(r\d+)d$/, "$1") as keyof typeof register;
  assert.ok(name in register, `unknown register ${text}`);
  return register[name];
}

function parseOperand(text: string): Operand {
  const memory = /\[(.*)\]/.exec(text);
  if (memory === null) return inRegister(registerNumber(text));
  const parts = memory[1].split(" + ");
  return {
    kind: "memory",
    base: registerNumber(parts[0]),
    index: parts.length === 3 ? registerNumber(parts[1]) : null,
    offset: Number(parts[parts.length - 1]),
  };
}

type Emit = (code: X64Assembler, operands: string[]) => void;

const three = (name: Parameters<X64Assembler["vector3"]>[0]): Emit => (code, [to, a, b]) =>
  code.vector3(name, registerNumber(to), registerNumber(a), parseOperand(b));
const two = (name: Parameters<X64Assembler["vector2"]>[0]): Emit => (code, [to, from]) =>
  code.vector2(name, registerNumber(to), parseOperand(from));
const immediate =
  (name: Parameters<X64Assembler["vectorImmediate"]>[0]): Emit => (code, operands) => {
    const [to, ...rest] = operands;
    const value = Number(rest.pop());
    const second = parseOperand(rest.pop() as string);
    const first = rest.length > 0 ? registerNumber(rest[0]) : 0;
    code.vectorImmediate(name, registerNumber(to), first, second, value);
  };
const isRegister = (text: string) => !text.includes("[") && Number.isNaN(Number(text));
/** The form for registers, or for a number as the second operand. */
const either = (
  registers: "add" | "subtract" | "multiply" | "compare" | "move",
  numbers?: "addImmediate" | "compareImmediate" | "moveImmediate",
): Emit =>
(code, [to, from]) => {
  if (isRegister(from)) code[registers](registerNumber(to), registerNumber(from));
  else code[numbers!](registerNumber(to), Number(from));
};

const emitters: Record<string, Emit> = {
  vaddps: three("add"),
  vmulps: three("multiply"),
  vsubps: three("subtract"),
  vminps: three("minimum"),
  vdivps: three("divide"),
  vmaxps: three("maximum"),
  vandps: three("and"),
  vorps: three("or"),
  vxorps: three("xor"),
  vpaddd: three("integerAdd"),
  vfmadd231ps: three("multiplyAdd"),
  vfnmadd231ps: three("multiplySubtract"),
  vdpbf16ps: three("dotPairs"),
  vmovups: (code, [to, from]) => {
    if (to.includes("[")) code.storeVector(parseOperand(to), registerNumber(from));
    else code.vector2("move", registerNumber(to), parseOperand(from));
  },
  vsqrtps: two("squareRoot"),
  vcvtps2dq: two("toInteger"),
  vbroadcastss: two("broadcast"),
  vmovss: (code, [to, from]) => code.storeFirst(parseOperand(to), registerNumber(from)),
  vcmpps: (code, operands) => {
    // With 16 lanes: vcmpps k1, first, second, predicate; vpmovm2d to, k1
    const [place, first, second, rest] = operands;
    const [predicate, to = place] = rest.split("; vpmovm2d ");
    const value = Number(predicate);
    code.compareLanes(registerNumber(to), registerNumber(first), parseOperand(second), value);
  },
  // vpmovd2m k1, mask; vblendmps to{k1}, no, yes
  vpmovd2m: (code, [, from, no, yes]) => {
    const [mask, to] = from.split("; vblendmps ").map(registerNumber);
    code.blend(to, registerNumber(no), parseOperand(yes), mask);
  },
  vshufps: immediate("shuffle"),
  vperm2f128: immediate("swapHalves"),
  vshuff32x4: immediate("shuffleQuarters"),
  vroundps: immediate("round"),
  vrndscaleps: immediate("round"),
  vblendvps: (code, [to, no, yes, mask]) =>
    code.blend(registerNumber(to), registerNumber(no), parseOperand(yes), registerNumber(mask)),
  vpslld: (code, [to, from, bits]) =>
    code.integerShiftLeft(registerNumber(to), registerNumber(from), Number(bits)),
  vpsrld: (code, [to, from, bits]) =>
    code.integerShiftRight(registerNumber(to), registerNumber(from), Number(bits)),
  vcvttsd2si: (code, [to, from]) => code.convertToInteger(registerNumber(to), parseOperand(from)),
  vcvtsi2ss: (code, [to, , from]) =>
    code.convertFromInteger(registerNumber(to), registerNumber(from)),
  vcvtsd2ss: (code, [to, , from]) => code.narrow(registerNumber(to), parseOperand(from)),
  vzeroupper: (code) => code.returnFromVectors(),
  ret: (code) => code.return(),
  movsxd: (code, [to, from]) => code.loadInt32(registerNumber(to), parseOperand(from)),
  mov: (code, [to, from]) => {
    if (to.startsWith("dword")) code.storeInt32(parseOperand(to), registerNumber(from));
    else if (to.startsWith("qword")) code.storeInteger(parseOperand(to), registerNumber(from));
    else if (from.startsWith("qword")) code.loadInteger(registerNumber(to), parseOperand(from));
    else either("move", "moveImmediate")(code, [to, from]);
  },
  add: either("add", "addImmediate"),
  sub: either("subtract"),
  cmp: either("compare", "compareImmediate"),
  imul: (code, operands) => {
    if (operands.length === 2) return either("multiply")(code, operands);
    code.multiplyImmediate(registerNumber(operands[0]), Number(operands[2]));
  },
  shl: (code, [to, bits]) => code.shiftLeft(registerNumber(to), Number(bits)),
  push: (code, [from]) => code.push(registerNumber(from)),
  pop: (code, [to]) => code.pop(registerNumber(to)),
};

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

Deno.test("X64Assembler gives the bytes of the GNU assembler", () => {
  for (const { text, bytes, lanes } of fixture) {
    if (text === "processor query") continue;
    const [, mnemonic, rest] = /^(\w+) ?(.*)$/.exec(text)!;
    const code = new X64Assembler(lanes as Lanes);
    assert.ok(mnemonic in emitters, `no emitter for ${mnemonic}`);
    emitters[mnemonic](code, rest === "" ? [] : rest.split(", "));
    // The code is followed by padding up to the constants.
    const length = bytes.split(" ").length;
    const actual = code.finish();
    assert.equal(hex(actual.subarray(0, length)), bytes, text);
    assert.ok(actual.subarray(length).every((byte) => byte === 0xcc), `${text}: longer`);
  }
});

Deno.test("the fixture covers every emitter", () => {
  const seen = new Set(fixture.map(({ text }) => text.split(" ")[0]));
  for (const mnemonic of Object.keys(emitters)) assert.ok(seen.has(mnemonic), mnemonic);
});

Deno.test("X64Assembler binds labels before and after their jumps", () => {
  const code = new X64Assembler(8);
  const [start, end] = [code.label(), code.label()];
  code.bind(start);
  code.jump(end);
  code.jumpIf(5, start);
  code.bind(end);
  const bytes = hex(code.finish().subarray(0, 11));
  assert.equal(bytes, "e9 06 00 00 00 0f 85 f5 ff ff ff");
});

Deno.test("constants lie aligned behind the code, each once", () => {
  const code = new X64Assembler(8);
  const [ones, twos] = [new Array(32).fill(1), new Array(32).fill(2)];
  for (const bytes of [ones, twos, ones]) code.vector2("move", 1, code.constant(bytes));
  const bytes = code.finish();
  assert.equal(bytes.length, 96);
  // Distance from the end of each instruction of 9 bytes.
  assert.deepEqual([5, 14, 23].map((place) => bytes[place]), [32 - 9, 64 - 18, 32 - 27 + 0]);
});

Deno.test("the processor query is what the GNU assembler makes of it", () => {
  const { bytes } = fixture.find(({ text }) => text === "processor query")!;
  assert.equal(hex(processorQuery), bytes);
});
