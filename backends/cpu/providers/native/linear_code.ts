/**
 * A kernel as a list of instructions over any number of virtual registers, halfway between expression
 * trees and machine code. Operations that a target has no instruction for become several here.
 *
 * @module
 */

import type { Index, Vector } from "../../code/expression.ts";
import type { Condition, KernelCode, Statement } from "../../code/statement.ts";
import {
  type Address,
  type Instruction,
  type LinearCode,
  type LinearOperand,
  mask,
  memoryStart,
  type Virtual,
} from "./linear_instructions.ts";
import {
  binaryNames,
  commuting,
  comparison,
  exchanges,
  indexNames,
  interleaving,
  jumps,
  multiplyingForms,
  nearest,
  oppositeJumps,
} from "./linear_tables.ts";
import { tileInstruction } from "./linear_tiles.ts";
import type { Lanes } from "./native_code.ts";
import type { Mnemonic } from "./x64_instructions.ts";

class Linearizer {
  readonly instructions: Instruction[] = [];
  readonly loops: { start: number; end: number }[] = [];
  readonly #lanes: Lanes;
  readonly #variables: Virtual[];
  #nextId: number;
  #nextLabel = 0;

  constructor(kernel: KernelCode, lanes: Lanes) {
    this.#lanes = lanes;
    this.#variables = kernel.variables.map(({ type, number }) => ({ type, id: number }));
    this.#nextId = kernel.variables.length;
    kernel.parameters.forEach(({ variable }, parameter) =>
      this.#parameter(this.#variables[variable.number], { parameter })
    );
    this.#block(kernel.body);
  }

  #add(name: Mnemonic, ...operands: LinearOperand[]): void {
    this.instructions.push({ kind: "operation", name, operands });
  }

  #new(type: Virtual["type"]): Virtual {
    return { type, id: this.#nextId++ };
  }

  #parameter(to: Virtual, from: Address): void {
    if (to.type === "index") return this.#add("vcvttsd2si", to, from);
    this.#add("vcvtsd2ss", to, to, from);
    this.#add("vbroadcastss", to, to);
  }

  // Statements.

  #block(statements: readonly Statement[]): void {
    for (const statement of statements) this.#statement(statement);
  }

  #statement(statement: Statement): void {
    switch (statement.kind) {
      case "setIndex":
        return this.#indexInto(this.#variables[statement.variable.number], statement.value);
      case "setVector":
        return this.#vectorInto(this.#variables[statement.variable.number], statement.value);
      case "store": {
        const { lanes } = statement;
        const from = this.#vectorRegister(statement.value);
        const address = this.#address(statement.address, statement.offset);
        if (lanes === "all") return this.#add("vmovups", address, from);
        if (lanes === "first") return this.#add("vmovss", address, from);
        if (lanes === "pastCaches") return this.#add("vmovntps", address, from);
        if ("where" in lanes) {
          this.#compare(mask, lanes.where);
          return this.#add("vmovups", address, from, mask);
        }
        const name = this.#lanes === 16 ? "vextractf32x4" : "vextractf128";
        return this.#add(name, address, from, lanes.group);
      }
      case "doWhile":
        return this.#loop(statement.body, statement.condition);
      case "if":
        return this.#branch(statement);
      case "tile":
        return this.#add(...tileInstruction(statement, (index) => this.#indexRegister(index)));
    }
  }

  #loop(body: readonly Statement[], condition: Condition): void {
    const start = this.instructions.length;
    const label = this.#label();
    this.#block(body);
    this.#jumpIf(condition, label, true);
    this.loops.push({ start, end: this.instructions.length - 1 });
  }

  #branch({ condition, then, otherwise }: Extract<Statement, { kind: "if" }>): void {
    const otherwiseLabel = this.#nextLabel++;
    this.#jumpIf(condition, otherwiseLabel, false);
    this.#block(then);
    if (otherwise.length === 0) return void this.#label(otherwiseLabel);
    const end = this.#nextLabel++;
    this.instructions.push({ kind: "jump", condition: "always", label: end });
    this.#label(otherwiseLabel);
    this.#block(otherwise);
    this.#label(end);
  }

  #label(label = this.#nextLabel++): number {
    this.instructions.push({ kind: "label", label });
    return label;
  }

  #jumpIf({ relation, left, right }: Condition, label: number, when: boolean): void {
    this.#add("cmp", this.#indexRegister(left), this.#index(right));
    const condition = (when ? jumps : oppositeJumps)[relation];
    this.instructions.push({ kind: "jump", condition, label });
  }

  // Indices.

  #index(index: Index): Virtual | number {
    if (index.operation === "constant") return index.value;
    if (index.operation === "variable") return this.#variables[index.variable!.number];
    const to = this.#new("index");
    this.#indexInto(to, index);
    return to;
  }

  #indexRegister(index: Index): Virtual {
    const input = this.#index(index);
    if (typeof input !== "number") return input;
    const to = this.#new("index");
    this.#add("mov", to, input);
    return to;
  }

  #address(index: Index, offset: number): Address {
    const input = this.#index(index);
    if (typeof input === "number") return { index: null, offset: offset + input };
    return { index: input, offset };
  }

  #indexInto(to: Virtual, index: Index): void {
    const { operation, inputs, value } = index;
    if (operation === "constant" || operation === "variable") {
      return this.#add("mov", to, this.#index(index));
    }
    if (operation === "loadInt32") {
      return this.#add("movsxd", to, this.#address(inputs[0], value));
    }
    if (operation === "fromMemoryStart") {
      this.#indexInto(to, inputs[0]);
      return this.#add("add", to, memoryStart);
    }
    const first = this.#index(inputs[0]);
    const second = operation === "shiftLeft" ? value : this.#index(inputs[1]);
    // The first source is the target: the second must not be lost when it goes there.
    const clashes = typeof second !== "number" && second.id === to.id;
    const target = clashes ? this.#new("index") : to;
    if (typeof first === "number" || first.id !== target.id) this.#add("mov", target, first);
    this.#arithmetic(operation, target, second);
    if (clashes) this.#add("mov", to, target);
  }

  #arithmetic(operation: keyof typeof indexNames, to: Virtual, from: Virtual | number): void {
    if (typeof from !== "number") return this.#add(indexNames[operation], to, from);
    if (operation === "multiply") return this.#add("imul", to, to, from);
    if (operation === "subtract") return this.#add("add", to, -from);
    this.#add(indexNames[operation], to, from);
  }

  // Vectors.

  /** A last source, which may be a constant in memory. */
  #vector(vector: Vector): Virtual | Vector {
    return vector.isConstant ? vector : this.#vectorRegister(vector);
  }

  #vectorRegister(vector: Vector): Virtual {
    if (vector.operation === "variable") return this.#variables[vector.variable!.number];
    const to = this.#new("vector");
    this.#vectorInto(to, vector);
    return to;
  }

  #vectorInto(to: Virtual, vector: Vector): void {
    const { operation, inputs, value } = vector;
    switch (operation) {
      case "constant":
      case "bits":
      case "laneNumbers":
      case "table":
      case "variable":
        return this.#add("vmovups", to, this.#vector(vector));
      case "load":
        return this.#add("vmovups", to, this.#address(vector.address!, value));
      case "loadSplat":
        return this.#add("vbroadcastss", to, this.#address(vector.address!, value));
      case "less":
      case "equal":
        return this.#compare(to, vector);
      case "squareRoot":
        return this.#add("vsqrtps", to, this.#vector(inputs[0]));
      case "round": {
        const name = this.#lanes === 16 ? "vrndscaleps" : "vroundps";
        return this.#add(name, to, this.#vector(inputs[0]), nearest);
      }
      case "roundToInteger":
        return this.#add("vcvtps2dq", to, this.#vector(inputs[0]));
      case "integerShiftLeft":
        return this.#add("vpslld", to, this.#vectorRegister(inputs[0]), value);
      case "fromIndex":
        this.#add("vcvtsi2ss", to, to, this.#indexRegister(vector.address!));
        return this.#add("vbroadcastss", to, to);
      case "multiplyAdd":
        return this.#accumulate("vfmadd231ps", to, inputs);
      case "multiplySubtractFrom":
        return this.#accumulate("vfnmadd231ps", to, inputs);
      case "dotPairs":
        return this.#accumulate("vdpbf16ps", to, inputs);
      case "toBfloat16": {
        const lower = this.#vectorRegister(inputs[0]);
        return this.#add("vcvtne2ps2bf16", to, this.#vectorRegister(inputs[1]), lower);
      }
      case "interleaveHalves": {
        const order = this.#vectorRegister(interleaving);
        return this.#add("vpermw", to, order, this.#vectorRegister(inputs[0]));
      }
      case "select":
        return this.#select(to, inputs);
      case "shuffle":
        return this.#shuffle(to, vector);
      case "sumLanes":
        return this.#acrossLanes("vaddps", to, inputs[0]);
      case "maximumLanes":
        return this.#acrossLanes("vmaxps", to, inputs[0]);
      default:
        return this.#binary(to, vector);
    }
  }

  #binary(to: Virtual, { operation, inputs: [a, b] }: Vector): void {
    const name = binaryNames[operation];
    if (name === undefined) throw new Error(`Cannot encode the vector operation "${operation}"`);
    // If a lane is NaN, the instructions return their second input; the kernels want the first.
    const isExchanged = operation === "minimum" || operation === "maximum" ||
      (commuting.has(operation) && a.isConstant);
    const [left, right] = isExchanged ? [b, a] : [a, b];
    const first = this.#vectorRegister(left);
    this.#add(name, to, first, this.#vector(right));
  }

  /** AVX-512 compares into an opmask; the lanes of a mask in a vector are all ones or zeros. */
  #compare(to: Virtual | typeof mask, { operation, inputs: [a, b] }: Vector): void {
    const first = this.#vectorRegister(a);
    const second = this.#vector(b);
    const relation = comparison[operation as keyof typeof comparison];
    const usesOpmask = this.#lanes === 16;
    this.#add("vcmpps", usesOpmask ? mask : to, first, second, relation);
    if (usesOpmask && to !== mask) this.#add("vpmovm2d", to, mask);
  }

  #select(to: Virtual, [condition, whereTrue, whereFalse]: readonly Vector[]): void {
    const yes = this.#vector(whereTrue);
    const no = this.#vectorRegister(whereFalse);
    if (this.#lanes === 8) {
      return this.#add("vblendvps", to, no, yes, this.#vectorRegister(condition));
    }
    const isComparison = condition.operation in comparison;
    if (isComparison) this.#compare(mask, condition);
    else this.#add("vpmovd2m", mask, this.#vectorRegister(condition));
    this.#add("vblendmps", to, no, yes, mask);
  }

  /** `name` adds to its first operand; where a factor is there already, another form multiplies it. */
  #accumulate(name: Mnemonic, to: Virtual, inputs: readonly Vector[]): void {
    const [a, b] = inputs[0].isConstant ? [inputs[1], inputs[0]] : inputs;
    const first = this.#vectorRegister(a);
    const second = this.#vector(b);
    const addend = this.#vector(inputs[2]);
    const isTarget = (input: Virtual | Vector) => "id" in input && input.id === to.id;
    if (isTarget(addend)) return this.#add(name, to, first, second);
    const inPlace = multiplyingForms[name];
    if (inPlace !== undefined && isTarget(first)) {
      const factor = "id" in second ? second : this.#vectorRegister(second);
      return this.#add(inPlace, to, factor, addend);
    }
    if (inPlace !== undefined && isTarget(second)) return this.#add(inPlace, to, first, addend);
    const clashes = [first, second].some(isTarget);
    const target = clashes ? this.#new("vector") : to;
    this.#add("vmovups", target, addend);
    this.#add(name, target, first, second);
    if (clashes) this.#add("vmovups", to, target);
  }

  #shuffle(to: Virtual, { inputs, lanes: [a, b, c, d] }: Vector): void {
    const [first, second] = inputs.map((input) => this.#vectorRegister(input));
    // Lanes by turns from both inputs, or two from each.
    if (b >= 4) return this.#add(a === 0 ? "vunpcklps" : "vunpckhps", to, first, second);
    this.#add("vshufps", to, first, second, a | b << 2 | (c - 4) << 4 | (d - 4) << 6);
  }

  /** Each exchange is followed by the operation, so that every lane ends with the result of all. */
  #acrossLanes(name: Mnemonic, to: Virtual, input: Vector): void {
    let result = this.#vectorRegister(input);
    for (const [exchange, immediate] of exchanges[this.#lanes]) {
      const [other, next] = [this.#new("vector"), this.#new("vector")];
      this.#add(exchange, other, result, result, immediate);
      this.#add(name, next, result, other);
      result = next;
    }
    this.#add("vmovups", to, result);
  }
}

/** See the module comment. */
export function linearize(kernel: KernelCode, lanes: Lanes): LinearCode {
  const { instructions, loops } = new Linearizer(kernel, lanes);
  return { instructions, loops };
}
