/**
 * What kernels are written in, besides statements: expressions over vectors and addresses.
 *
 * There are two types only. An {@link Index} is an address or a count, as wide as a pointer. A
 * {@link Vector} has as many float32 lanes as the target's registers; a scalar is a vector whose
 * lanes are equal. An expression is a tree without side effects; `let` of the builder names one that
 * is used more than once. Encoders turn the trees into WebAssembly or machine code.
 *
 * @module
 */

/** A named place that holds an index or a vector. */
export interface Variable {
  readonly type: "index" | "vector";
  /** Number among the kernel's variables; parameters come first. */
  readonly number: number;
}

export type IndexOperation =
  | "constant"
  | "variable"
  | "add"
  | "subtract"
  | "multiply"
  | "shiftLeft"
  | "loadInt32"
  | "fromMemoryStart";

export type VectorOperation =
  | "constant"
  | "bits"
  | "variable"
  | "load"
  | "loadSplat"
  | "add"
  | "subtract"
  | "multiply"
  | "divide"
  | "minimum"
  | "maximum"
  | "and"
  | "or"
  | "xor"
  | "less"
  | "equal"
  | "integerAdd"
  | "integerShiftLeft"
  | "roundToInteger"
  | "round"
  | "fromIndex"
  | "laneNumbers"
  | "table"
  | "squareRoot"
  | "multiplyAdd"
  | "multiplySubtractFrom"
  | "dotPairs"
  | "toBfloat16"
  | "interleaveHalves"
  | "select"
  | "sumLanes"
  | "maximumLanes"
  | "shuffle";

/** An address or a count. */
export class Index {
  readonly operation: IndexOperation;
  readonly inputs: readonly Index[];
  /** The constant, the shift, or the offset of a load, in bytes. */
  readonly value: number;
  readonly variable: Variable | null;

  constructor(
    operation: IndexOperation,
    inputs: readonly Index[] = [],
    value = 0,
    variable: Variable | null = null,
  ) {
    this.operation = operation;
    this.inputs = inputs;
    this.value = value;
    this.variable = variable;
  }

  plus(other: Index | number): Index {
    if (other === 0) return this;
    return new Index("add", [this, toIndex(other)]);
  }

  minus(other: Index | number): Index {
    return new Index("subtract", [this, toIndex(other)]);
  }

  times(other: Index | number): Index {
    if (typeof other === "number" && Number.isInteger(Math.log2(other))) {
      return other === 1 ? this : this.shiftedLeft(Math.log2(other));
    }
    return new Index("multiply", [this, toIndex(other)]);
  }

  shiftedLeft(bits: number): Index {
    return new Index("shiftLeft", [this], bits);
  }

  /** The int32 in memory at this address. */
  loadInt32(offset = 0): Index {
    return new Index("loadInt32", [this], offset);
  }
}

/** float32 lanes, or their bits as int32 for the integer operations. */
export class Vector {
  readonly operation: VectorOperation;
  readonly inputs: readonly Vector[];
  /** The constant, or the offset of a load in bytes, or the count of a shift. */
  readonly value: number;
  readonly address: Index | null;
  readonly variable: Variable | null;
  /**
   * For `shuffle`: lanes of the first (0–3) and second (4–7) input. For `bits`: the lanes that have
   * them; all if it is empty. For `table`: the int32 of each lane.
   */
  readonly lanes: readonly number[];

  constructor(operation: VectorOperation, inputs: readonly Vector[] = [], options: {
    value?: number;
    address?: Index;
    variable?: Variable;
    lanes?: readonly number[];
  } = {}) {
    this.operation = operation;
    this.inputs = inputs;
    this.value = options.value ?? 0;
    this.address = options.address ?? null;
    this.variable = options.variable ?? null;
    this.lanes = options.lanes ?? [];
  }

  /** Whether the lanes are known without running anything. */
  get isConstant(): boolean {
    return ["constant", "bits", "laneNumbers", "table"].includes(this.operation);
  }

  /** The bytes of a constant with that many lanes. */
  constantBytes(count: number): number[] {
    const { operation, value, lanes } = this;
    if (operation === "table") return [...new Uint8Array(Int32Array.from(lanes).buffer)];
    const numbers = [...Array(count).keys()];
    const values = operation === "bits"
      ? Int32Array.from(numbers, (lane) => lanes.length === 0 || lanes.includes(lane) ? value : 0)
      : Float32Array.from(numbers, (lane) => operation === "constant" ? value : lane);
    return [...new Uint8Array(values.buffer)];
  }

  #binary(operation: VectorOperation, other: Vector | number): Vector {
    return new Vector(operation, [this, toVector(other)]);
  }

  plus(other: Vector | number): Vector {
    return this.#binary("add", other);
  }

  minus(other: Vector | number): Vector {
    return this.#binary("subtract", other);
  }

  times(other: Vector | number): Vector {
    return this.#binary("multiply", other);
  }

  dividedBy(other: Vector | number): Vector {
    return this.#binary("divide", other);
  }

  /** The smaller; a NaN in `this` comes through, one in `other` does not. */
  atMost(other: Vector | number): Vector {
    return this.#binary("minimum", other);
  }

  /** The larger; a NaN in `this` comes through, one in `other` does not. */
  atLeast(other: Vector | number): Vector {
    return this.#binary("maximum", other);
  }

  and(other: Vector): Vector {
    return this.#binary("and", other);
  }

  or(other: Vector): Vector {
    return this.#binary("or", other);
  }

  xor(other: Vector): Vector {
    return this.#binary("xor", other);
  }

  /** All bits of a lane where `this < other`, none elsewhere. */
  isLess(other: Vector | number): Vector {
    return this.#binary("less", other);
  }

  isEqual(other: Vector | number): Vector {
    return this.#binary("equal", other);
  }

  integerAdd(other: Vector): Vector {
    return this.#binary("integerAdd", other);
  }

  integerShiftLeft(bits: number): Vector {
    return new Vector("integerShiftLeft", [this], { value: bits });
  }

  /** The lanes as int32, rounded to nearest. */
  roundToInteger(): Vector {
    return new Vector("roundToInteger", [this]);
  }

  /** The nearest integer, ties to even. */
  round(): Vector {
    return new Vector("round", [this]);
  }

  squareRoot(): Vector {
    return new Vector("squareRoot", [this]);
  }

  /** this·factor + addend, rounded once if the target supports it. */
  multiplyAdd(factor: Vector | number, addend: Vector | number): Vector {
    return new Vector("multiplyAdd", [this, toVector(factor), toVector(addend)]);
  }

  /**
   * this·factor + addend, where each lane of the factors is a pair of bfloat16 and both products of a
   * pair are added; for processors with AVX512-BF16 only.
   */
  dotPairs(factor: Vector, addend: Vector): Vector {
    return new Vector("dotPairs", [this, factor, addend]);
  }

  /**
   * Twice as many lanes of 16 bits: these lanes as bfloat16, then those of `next`; to nearest, halfway to
   * even, and what is too small for a normal number becomes 0. For processors with AVX512-BF16 only.
   */
  toBfloat16(next: Vector): Vector {
    return this.#binary("toBfloat16", next);
  }

  /** Of lanes of 16 bits, one from the first half and one from the second by turns. AVX-512 only. */
  interleaveHalves(): Vector {
    return new Vector("interleaveHalves", [this]);
  }

  /** from − this·factor. */
  multiplySubtractFrom(factor: Vector | number, from: Vector | number): Vector {
    return new Vector("multiplySubtractFrom", [this, toVector(factor), toVector(from)]);
  }

  /** Lanes of `yes` where this mask has its bits set, of `no` elsewhere. */
  select(yes: Vector | number, no: Vector | number): Vector {
    return new Vector("select", [this, toVector(yes), toVector(no)]);
  }

  /** The sum of the lanes, in every lane. */
  sumLanes(): Vector {
    return new Vector("sumLanes", [this]);
  }

  maximumLanes(): Vector {
    return new Vector("maximumLanes", [this]);
  }

  absolute(): Vector {
    return this.and(bits(0x7fffffff));
  }

  /** In each group of four lanes, four chosen from this (0–3) and `other` (4–7). */
  shuffle(other: Vector, lanes: readonly number[]): Vector {
    return new Vector("shuffle", [this, other], { lanes });
  }
}

export function toIndex(value: Index | number): Index {
  return typeof value === "number" ? new Index("constant", [], value) : value;
}

export function toVector(value: Vector | number): Vector {
  return typeof value === "number" ? new Vector("constant", [], { value }) : value;
}

/** Every lane an int32 with these bits. */
export function bits(value: number): Vector {
  return new Vector("bits", [], { value });
}

/** An integer as a float in every lane. */
export function fromIndex(value: Index): Vector {
  return new Vector("fromIndex", [], { address: value });
}

/** 0, 1, 2, … along the lanes. */
export function laneNumbers(): Vector {
  return new Vector("laneNumbers");
}

/** A mask of the first lanes. */
export function firstLanes(count: number): Vector {
  return new Vector("bits", [], { value: -1, lanes: [...Array(count).keys()] });
}
