/** What the AVX-512 instructions of the kernels do, for the model of the processor. */

const lanes = 16;
const registers = 32;

/** Vector registers and opmasks. */
export class VectorFile {
  readonly floats = new Float32Array(registers * lanes);
  readonly integers = new Int32Array(this.floats.buffer);
  readonly bytes = new Uint8Array(this.floats.buffer);
  readonly masks = new Uint16Array(8);
}

/** Sources and options of an instruction whose result is a vector; the result may be a source too. */
export interface VectorOperands {
  readonly first: Float32Array;
  readonly second: Float32Array;
  readonly before: Float32Array;
  readonly immediate: number;
}

type VectorFunction = (operands: VectorOperands) => Float32Array;

function asIntegers(values: Float32Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, lanes);
}

function fromIntegers(value: (lane: number) => number): Float32Array {
  const result = new Int32Array(lanes);
  for (let lane = 0; lane < lanes; lane++) result[lane] = value(lane);
  return new Float32Array(result.buffer);
}

function fromLanes(value: (lane: number) => number): Float32Array {
  const result = new Float32Array(lanes);
  for (let lane = 0; lane < lanes; lane++) result[lane] = value(lane);
  return result;
}

const arithmetic = (operation: (a: number, b: number) => number): VectorFunction => (operands) =>
  fromLanes((lane) => operation(operands.first[lane], operands.second[lane]));

const logic = (operation: (a: number, b: number) => number): VectorFunction => (operands) => {
  const [a, b] = [asIntegers(operands.first), asIntegers(operands.second)];
  return fromIntegers((lane) => operation(a[lane], b[lane]));
};

/** Integers move bit for bit, also where they are NaN as float32. */
const chosen =
  (from: (lane: number, immediate: number) => [0 | 1, number]): VectorFunction => (operands) => {
    const sources = [asIntegers(operands.first), asIntegers(operands.second)];
    return fromIntegers((lane) => {
      const [source, place] = from(lane, operands.immediate);
      return sources[source][place];
    });
  };

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** To nearest, ties to even; what is smaller than a normal number becomes zero, NaN stays one. */
function toBfloat16(bits: number): number {
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return (bits >>> 16) | 0x40;
  if (magnitude < 0x00800000) return (bits >>> 16) & 0x8000;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** The bfloat16 in the lower and in the upper half of each lane. */
function halvesOf(values: Float32Array): [Float32Array, Float32Array] {
  const words = asIntegers(values);
  return [
    fromIntegers((lane) => words[lane] << 16),
    fromIntegers((lane) => words[lane] & -0x10000),
  ];
}

const smallestNormal = 1.1754943508222875e-38;
const flushed = (value: number) => Math.abs(value) < smallestNormal ? 0 : value;

/** By map, prefix and opcode; a group of opcodes has the field of ModRM behind a slash. */
export const vectorFunctions: Readonly<Record<string, VectorFunction>> = {
  "1.0.58": arithmetic((a, b) => a + b),
  "1.0.59": arithmetic((a, b) => a * b),
  "1.0.5c": arithmetic((a, b) => a - b),
  "1.0.5d": arithmetic((a, b) => a < b ? a : b),
  "1.0.5e": arithmetic((a, b) => a / b),
  "1.0.5f": arithmetic((a, b) => a > b ? a : b),
  "1.0.51": ({ second }) => fromLanes((lane) => Math.sqrt(second[lane])),
  "1.0.54": logic((a, b) => a & b),
  "1.0.56": logic((a, b) => a | b),
  "1.0.57": logic((a, b) => a ^ b),
  "1.1.fe": logic((a, b) => (a + b) | 0),
  "1.1.72/6": ({ second, immediate }) =>
    fromIntegers((lane) => asIntegers(second)[lane] << immediate),
  "1.1.5b": ({ second }) => fromIntegers((lane) => roundHalfEven(second[lane])),
  "2.1.b8": ({ before, first, second }) =>
    fromLanes((lane) => first[lane] * second[lane] + before[lane]),
  "2.1.bc": ({ before, first, second }) =>
    fromLanes((lane) => before[lane] - first[lane] * second[lane]),
  "2.1.a8": ({ before, first, second }) =>
    fromLanes((lane) => before[lane] * first[lane] + second[lane]),
  "2.1.ac": ({ before, first, second }) =>
    fromLanes((lane) => second[lane] - before[lane] * first[lane]),
  "3.1.08": ({ second }) => fromLanes((lane) => roundHalfEven(second[lane])),
  // The odd products first, then the even ones.
  "2.2.52": ({ before, first, second }) => {
    const [[evenLeft, oddLeft], [evenRight, oddRight]] = [halvesOf(first), halvesOf(second)];
    return fromLanes((lane) => {
      const odd = flushed(oddLeft[lane]) * flushed(oddRight[lane]);
      const even = flushed(evenLeft[lane]) * flushed(evenRight[lane]);
      return flushed(Math.fround(flushed(Math.fround(flushed(before[lane]) + odd)) + even));
    });
  },
  "2.3.72": ({ first, second }) => {
    const [upper, lower] = [first, second].map((source) => [...asIntegers(source)].map(toBfloat16));
    return new Float32Array(Uint16Array.from([...lower, ...upper]).buffer);
  },
  "2.1.8d": ({ first, second }) => {
    const [places, halves] = [first, second].map((source) =>
      new Uint16Array(source.slice().buffer)
    );
    return new Float32Array(places.map((place) => halves[place % (2 * lanes)]).buffer);
  },
  "1.0.14": chosen((lane) => [(lane % 2) as 0 | 1, (lane & ~3) + (lane % 4 >> 1)]),
  "1.0.15": chosen((lane) => [(lane % 2) as 0 | 1, (lane & ~3) + 2 + (lane % 4 >> 1)]),
  "1.0.c6": chosen((
    lane,
    immediate,
  ) => [lane % 4 < 2 ? 0 : 1, (lane & ~3) + (immediate >> 2 * (lane % 4) & 3)]),
  "3.1.23": chosen((lane, immediate) => {
    const part = lane >> 2;
    return [part < 2 ? 0 : 1, 4 * (immediate >> 2 * part & 3) + lane % 4];
  }),
};

/** Relations of `vcmpps` that the kernels use, by immediate. */
export const comparisons: Readonly<Record<number, (a: number, b: number) => boolean>> = {
  0x00: (a, b) => a === b,
  0x11: (a, b) => a < b,
};
