/** Every instruction of the x86-64 encoder against the bytes of the GNU assembler. */

import assert from "node:assert/strict";
import {
  inRegister,
  type Operand,
  register,
  X64Assembler,
} from "../../../../../backends/cpu/providers/native/x64_assembler.ts";
import {
  type Mnemonic,
  mnemonics,
} from "../../../../../backends/cpu/providers/native/x64_instructions.ts";
import {
  systemV,
  windowsX64,
} from "../../../../../backends/cpu/providers/native/calling_convention.ts";
import { processorQuery } from "../../../../../backends/cpu/providers/native/processor_ffi.ts";
import fixture from "./fixtures/x64_instructions.json" with { type: "json" };

function registerNumber(text: string): number {
  const numbered = /^(?:[xyzt]mm|k)(\d+)$/.exec(text);
  if (numbered !== null) return Number(numbered[1]);
  const name = text.replace(/^(r\d+)d$/, "$1") as keyof typeof register;
  assert.ok(name in register, `unknown register ${text}`);
  return register[name];
}

function parseOperand(text: string): Operand {
  if (!Number.isNaN(Number(text))) return Number(text);
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

/** What `text` is to our assembler, for which an opmask is an operand. */
function parse(text: string): { name: string; operands: string[] } {
  const [, name, rest] = /^(\w+) ?(.*)$/.exec(text)!;
  const [, plain, opmask] = /^(.*?)\{(k\d)\}/.exec(rest) ?? [];
  const operands = rest === "" ? [] : rest.replace(/\{k\d\}/, "").split(", ");
  if (plain !== undefined) operands.push(opmask);
  return { name, operands };
}

const withoutForms = ["push", "pop", "ret", "vzeroupper"] as const;

function emit(code: X64Assembler, name: string, operands: readonly string[]): void {
  const special = withoutForms.find((known) => known === name);
  if (special === undefined) code.emit(name as Mnemonic, ...operands.map(parseOperand));
  else if (special === "push" || special === "pop") code[special](registerNumber(operands[0]));
  else code[special]();
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

Deno.test("X64Assembler gives the bytes of the GNU assembler", () => {
  for (const { encoding, text, bytes } of fixture) {
    if (text.startsWith("processor query")) continue;
    const code = new X64Assembler(encoding === "evex" ? 64 : 32);
    const { name, operands } = parse(text);
    emit(code, name, operands);
    // The code is followed by padding up to the constants.
    const length = bytes.split(" ").length;
    const actual = code.finish();
    assert.equal(hex(actual.subarray(0, length)), bytes, text);
    assert.ok(actual.subarray(length).every((byte) => byte === 0xcc), `${text}: longer`);
  }
});

Deno.test("the fixture covers every instruction", () => {
  const seen = new Set(fixture.map(({ text }) => parse(text).name));
  for (const name of [...mnemonics, ...withoutForms]) assert.ok(seen.has(name), name);
});

Deno.test("X64Assembler refuses operands that an instruction does not take", () => {
  const code = new X64Assembler(32);
  assert.throws(
    () => code.emit("vaddps", inRegister(1), 5),
    /Cannot encode vaddps register, immed/,
  );
});

Deno.test("X64Assembler binds labels before and after their jumps", () => {
  const code = new X64Assembler(32);
  const [start, end] = [0, 1];
  code.bind(start);
  code.jump("always", end);
  code.jump("ne", start);
  code.bind(end);
  const bytes = hex(code.finish().subarray(0, 11));
  assert.equal(bytes, "e9 06 00 00 00 0f 85 f5 ff ff ff");
});

Deno.test("constants lie aligned behind the code, each once", () => {
  const code = new X64Assembler(32);
  const [ones, twos] = [new Array(32).fill(1), new Array(32).fill(2)];
  for (const bytes of [ones, twos, ones]) code.emit("vmovups", inRegister(1), code.constant(bytes));
  const bytes = code.finish();
  assert.equal(bytes.length, 128);
  // Distance from the end of each instruction of 9 bytes.
  assert.deepEqual([5, 14, 23].map((place) => bytes[place]), [64 - 9, 96 - 18, 64 - 27]);
});

Deno.test("the processor query is what the GNU assembler makes of it", () => {
  for (const [system, convention] of [["Linux", systemV], ["Windows", windowsX64]] as const) {
    const { bytes } = fixture.find(({ text }) => text === `processor query, ${system}`)!;
    assert.equal(hex(processorQuery(convention)), bytes);
  }
});
