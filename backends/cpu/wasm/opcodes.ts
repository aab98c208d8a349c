/** Opcodes of WebAssembly that the kernels use, as bytes. @module */

import { unsigned } from "./bytes.ts";

export const valueType = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b } as const;

const emptyBlock = 0x40;

export const control = {
  loop: [0x03, emptyBlock],
  if: [0x04, emptyBlock],
  else: [0x05],
  end: [0x0b],
  branchIf: (depth: number) => [0x0d, ...unsigned(depth)],
} as const;

export const local = {
  get: (number: number) => [0x20, ...unsigned(number)],
  set: (number: number) => [0x21, ...unsigned(number)],
  tee: (number: number) => [0x22, ...unsigned(number)],
} as const;

/** Integer operations by the width of an address. */
export const integer = {
  32: {
    type: valueType.i32,
    constant: 0x41,
    add: 0x6a,
    subtract: 0x6b,
    multiply: 0x6c,
    shiftLeft: 0x74,
    loadInt32: 0x28,
    equal: 0x46,
    less: 0x48,
    greater: 0x4a,
    notLess: 0x4e,
    toFloat32: 0xb2,
    fromFloat64: [0xfc, 0x02],
  },
  64: {
    type: valueType.i64,
    constant: 0x42,
    add: 0x7c,
    subtract: 0x7d,
    multiply: 0x7e,
    shiftLeft: 0x86,
    loadInt32: 0x34,
    equal: 0x51,
    less: 0x53,
    greater: 0x55,
    notLess: 0x59,
    toFloat32: 0xb4,
    fromFloat64: [0xfc, 0x06],
  },
} as const;

/** The vector operations' numbers behind the prefix byte. */
export const simd = {
  load: 0x00,
  loadSplat32: 0x09,
  store: 0x0b,
  constant: 0x0c,
  shuffle: 0x0d,
  splat: 0x13,
  storeLane32: 0x5a,
  add: 0xe4,
  subtract: 0xe5,
  multiply: 0xe6,
  divide: 0xe7,
  /** pmin(a, b) = b < a ? b : a: one instruction, and a NaN in `a` comes through. */
  minimum: 0xea,
  maximum: 0xeb,
  and: 0x4e,
  or: 0x50,
  xor: 0x51,
  select: 0x52,
  equal: 0x41,
  less: 0x43,
  integerAdd: 0xae,
  integerShiftLeft: 0xab,
  toInteger: 0xf8,
  round: 0x6a,
  squareRoot: 0xe3,
  relaxedMultiplyAdd: 0x105,
  relaxedNegativeMultiplyAdd: 0x106,
} as const;

export function vectorOperation(operation: keyof typeof simd): number[] {
  return [0xfd, ...unsigned(simd[operation])];
}
