/**
 * Encodes one kernel as a WebAssembly function.
 *
 * The host passes indices as float64 (it has no cheap 64-bit integers) and scalars as float32; the
 * function converts them once. Constants go into locals at the start; otherwise the engine would build
 * them again in every iteration of a loop.
 *
 * @module
 */

import type { Index, Variable, Vector } from "../code/expression.ts";
import type { Condition, KernelCode, Statement } from "../code/statement.ts";
import { signed, unsigned } from "./bytes.ts";
import { wasmLanes } from "./lanes.ts";
import { control, integer, local, type simd, valueType, vectorOperation } from "./opcodes.ts";

/** What the engine supports. */
export interface WasmTarget {
  readonly addressBits: 32 | 64;
  /** Fused multiply-add; without it products are rounded before they are added. */
  readonly hasRelaxedSimd: boolean;
}

/** A function as the module needs it. */
export interface EncodedFunction {
  readonly name: string;
  readonly parameterTypes: number[];
  readonly localTypes: number[];
  readonly code: number[];
}

const plainOperations: Partial<Record<Vector["operation"], keyof typeof simd>> = {
  add: "add",
  subtract: "subtract",
  multiply: "multiply",
  divide: "divide",
  minimum: "minimum",
  maximum: "maximum",
  and: "and",
  or: "or",
  xor: "xor",
  less: "less",
  equal: "equal",
  integerAdd: "integerAdd",
  round: "round",
  squareRoot: "squareRoot",
};

class FunctionEncoder {
  readonly code: number[] = [];
  readonly #target: WasmTarget;
  readonly #locals: number[] = [];
  readonly #localTypes: number[] = [];
  readonly #parameterTypes: number[] = [];
  readonly #constants = new Map<string, number>();
  readonly #scratch: number;

  constructor(kernel: KernelCode, target: WasmTarget) {
    this.#target = target;
    for (const { variable } of kernel.parameters) {
      this.#parameterTypes.push(variable.type === "index" ? valueType.f64 : valueType.f32);
    }
    for (const variable of kernel.variables) {
      const isIndex = variable.type === "index";
      this.#locals.push(this.#newLocal(isIndex ? this.#integers.type : valueType.v128));
    }
    this.#scratch = this.#newLocal(valueType.v128);
    this.#convertParameters(kernel);
    this.#hoistConstants(kernel.body);
    this.#block(kernel.body);
  }

  finish(name: string): EncodedFunction {
    return {
      name,
      parameterTypes: this.#parameterTypes,
      localTypes: this.#localTypes,
      code: [...this.code, ...control.end],
    };
  }

  get #integers(): (typeof integer)[32 | 64] {
    return integer[this.#target.addressBits];
  }

  #newLocal(type: number): number {
    this.#localTypes.push(type);
    return this.#parameterTypes.length + this.#localTypes.length - 1;
  }

  #emit(...parts: (number | readonly number[])[]): void {
    for (const part of parts) {
      if (typeof part === "number") this.code.push(part);
      else for (const byte of part) this.code.push(byte);
    }
  }

  #local(variable: Variable): number {
    return this.#locals[variable.number];
  }

  #convertParameters(kernel: KernelCode): void {
    kernel.parameters.forEach(({ variable }, position) => {
      const convert = variable.type === "index"
        ? this.#integers.fromFloat64
        : vectorOperation("splat");
      this.#emit(local.get(position), convert, local.set(this.#local(variable)));
    });
  }

  #hoistConstants(statements: readonly Statement[]): void {
    const visit = (vector: Vector): void => {
      if (vector.isConstant) this.#constant(vector);
      else vector.inputs.forEach(visit);
    };
    for (const statement of statements) {
      if (statement.kind === "setVector" || statement.kind === "store") visit(statement.value);
      else if (statement.kind === "doWhile") this.#hoistConstants(statement.body);
      else if (statement.kind === "if") {
        this.#hoistConstants(statement.then);
        this.#hoistConstants(statement.otherwise);
      }
    }
  }

  /** The local that holds a constant; made and set on first sight. */
  #constant(vector: Vector): number {
    const bytes = vector.constantBytes(wasmLanes);
    const key = bytes.join();
    let number = this.#constants.get(key);
    if (number === undefined) {
      number = this.#newLocal(valueType.v128);
      this.#constants.set(key, number);
      this.#emit(vectorOperation("constant"), bytes, local.set(number));
    }
    return number;
  }

  #block(statements: readonly Statement[]): void {
    for (const statement of statements) this.#statement(statement);
  }

  #statement(statement: Statement): void {
    switch (statement.kind) {
      case "setIndex":
        this.#index(statement.value);
        return this.#emit(local.set(this.#local(statement.variable)));
      case "setVector":
        this.#vector(statement.value);
        return this.#emit(local.set(this.#local(statement.variable)));
      case "store":
        this.#index(statement.address);
        this.#vector(statement.value);
        return statement.lanes === "first"
          ? this.#emit(vectorOperation("storeLane32"), memory(2, statement.offset), 0)
          : this.#emit(vectorOperation("store"), memory(2, statement.offset));
      case "doWhile":
        this.#emit(control.loop);
        this.#block(statement.body);
        this.#condition(statement.condition);
        return this.#emit(control.branchIf(0), control.end);
      case "if":
        this.#condition(statement.condition);
        this.#emit(control.if);
        this.#block(statement.then);
        if (statement.otherwise.length > 0) {
          this.#emit(control.else);
          this.#block(statement.otherwise);
        }
        return this.#emit(control.end);
      case "tile":
        throw new Error("Cannot encode tile registers for WebAssembly");
    }
  }

  #condition({ relation, left, right }: Condition): void {
    this.#index(left);
    this.#index(right);
    this.#emit(this.#integers[relation]);
  }

  #index(index: Index): void {
    const integers = this.#integers;
    switch (index.operation) {
      case "constant":
        return this.#emit(integers.constant, signed(index.value));
      case "variable":
        return this.#emit(local.get(this.#local(index.variable as Variable)));
      case "shiftLeft":
        this.#index(index.inputs[0]);
        return this.#emit(integers.constant, signed(index.value), integers.shiftLeft);
      case "loadInt32":
        this.#index(index.inputs[0]);
        return this.#emit(integers.loadInt32, memory(2, index.value));
      case "fromMemoryStart":
        throw new Error("Cannot encode the address of the memory for WebAssembly");
      default:
        index.inputs.forEach((input) => this.#index(input));
        this.#emit(integers[index.operation]);
    }
  }

  #vector(vector: Vector): void {
    const plain = plainOperations[vector.operation];
    if (plain !== undefined) {
      vector.inputs.forEach((input) => this.#vector(input));
      return this.#emit(vectorOperation(plain));
    }
    switch (vector.operation) {
      case "constant":
      case "bits":
      case "laneNumbers":
        return this.#emit(local.get(this.#constant(vector)));
      case "variable":
        return this.#emit(local.get(this.#local(vector.variable as Variable)));
      case "load":
      case "loadSplat":
        this.#index(vector.address as Index);
        return this.#emit(
          vectorOperation(vector.operation === "load" ? "load" : "loadSplat32"),
          memory(2, vector.value),
        );
      case "fromIndex":
        this.#index(vector.address as Index);
        return this.#emit(this.#integers.toFloat32, vectorOperation("splat"));
      default:
        return this.#composite(vector);
    }
  }

  #composite(vector: Vector): void {
    const [first, second, third] = vector.inputs;
    switch (vector.operation) {
      case "multiplyAdd":
      case "multiplySubtractFrom":
        return this.#multiplyAdd(vector);
      case "select":
        // bitselect takes (yes, no, mask)
        this.#vector(second);
        this.#vector(third);
        this.#vector(first);
        return this.#emit(vectorOperation("select"));
      case "roundToInteger":
        this.#vector(first);
        return this.#emit(vectorOperation("round"), vectorOperation("toInteger"));
      case "integerShiftLeft":
        this.#vector(first);
        return this.#emit(0x41, signed(vector.value), vectorOperation(vector.operation));
      case "shuffle":
        this.#vector(first);
        this.#vector(second);
        return this.#shuffle(vector.lanes);
      case "sumLanes":
        return this.#acrossLanes(first, "add");
      case "maximumLanes":
        return this.#acrossLanes(first, "maximum");
      default:
        throw new Error(`Cannot encode the vector operation "${vector.operation}"`);
    }
  }

  #multiplyAdd({ operation, inputs: [first, second, third] }: Vector): void {
    const isAdd = operation === "multiplyAdd";
    if (this.#target.hasRelaxedSimd) {
      for (const input of [first, second, third]) this.#vector(input);
      return this.#emit(
        vectorOperation(isAdd ? "relaxedMultiplyAdd" : "relaxedNegativeMultiplyAdd"),
      );
    }
    this.#vector(third);
    this.#vector(first);
    this.#vector(second);
    this.#emit(vectorOperation("multiply"), vectorOperation(isAdd ? "add" : "subtract"));
  }

  /** Two exchanges of lanes, by two and by one, each followed by the operation. */
  #acrossLanes(input: Vector, operation: "add" | "maximum"): void {
    this.#vector(input);
    for (const lanes of [[2, 3, 0, 1], [1, 0, 3, 2]]) {
      this.#emit(local.tee(this.#scratch), local.get(this.#scratch), local.get(this.#scratch));
      this.#shuffle(lanes);
      this.#emit(vectorOperation(operation));
    }
  }

  #shuffle(lanes: readonly number[]): void {
    const bytes = lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => lane * 4 + byte));
    this.#emit(vectorOperation("shuffle"), bytes);
  }
}

/** Alignment as a power of two (a hint) and a constant offset. */
function memory(alignment: number, offset: number): number[] {
  return [alignment, ...unsigned(offset)];
}

/** See the module comment. */
export function encodeKernel(kernel: KernelCode, target: WasmTarget): EncodedFunction {
  return new FunctionEncoder(kernel, target).finish(kernel.name);
}
