/**
 * A kernel as a list of simple instructions over any number of virtual registers: between the
 * expression trees and machine code.
 *
 * @module
 */

import type { Condition, Index, KernelCode, Statement, Vector } from "../../code/expression.ts";

/** A virtual register. */
export interface Virtual {
  readonly type: "index" | "vector";
  readonly id: number;
}

/** A constant vector, by how to make its lanes. */
export interface Constant {
  readonly constant: Vector;
}

export type VectorInput = Virtual | Constant;
export type IndexInput = Virtual | number;

/** An address: the value of a register, if any, plus an offset. */
export interface Address {
  readonly index: Virtual | null;
  readonly offset: number;
}

export type AccumulateName = "multiplyAdd" | "multiplySubtract" | "dotPairs";

/** Operations that give `to` = first ∘ second; the second may be a constant. */
export type BinaryName =
  | "add"
  | "subtract"
  | "multiply"
  | "divide"
  | "minimum"
  | "maximum"
  | "and"
  | "or"
  | "xor"
  | "integerAdd";

export type Instruction =
  | { kind: "parameter"; to: Virtual; position: number }
  | { kind: "moveIndex"; to: Virtual; from: IndexInput }
  | { kind: "addIndex" | "subtractIndex" | "multiplyIndex"; to: Virtual; from: IndexInput }
  | { kind: "shiftIndex"; to: Virtual; bits: number }
  | { kind: "loadInt32"; to: Virtual; address: Address }
  | { kind: "storeInt32"; address: Address; from: Virtual }
  | { kind: "moveVector"; to: Virtual; from: VectorInput }
  | { kind: "load" | "loadSplat"; to: Virtual; address: Address }
  | { kind: "store" | "storeFirst"; address: Address; from: Virtual }
  | { kind: "binary"; name: BinaryName; to: Virtual; first: Virtual; second: VectorInput }
  | {
    kind: "compare";
    relation: "less" | "equal";
    to: Virtual;
    first: Virtual;
    second: VectorInput;
  }
  | { kind: "unary"; name: "squareRoot" | "round" | "toInteger"; to: Virtual; from: VectorInput }
  | { kind: "shiftLanes"; to: Virtual; from: Virtual; bits: number; isLeft: boolean }
  /** to ± first·second, in place. */
  | {
    kind: "accumulate";
    name: AccumulateName;
    to: Virtual;
    first: Virtual;
    second: VectorInput;
  }
  | { kind: "select"; to: Virtual; mask: Virtual; yes: VectorInput; no: Virtual }
  /** `scratch` is written before `to`. */
  | {
    kind: "acrossLanes";
    name: "add" | "maximum";
    to: Virtual;
    from: Virtual;
    scratch: Virtual;
  }
  | { kind: "splatIndex"; to: Virtual; from: Virtual }
  | { kind: "label"; label: number }
  | { kind: "jump"; label: number }
  | { kind: "jumpIf"; relation: Relation; left: Virtual; right: IndexInput; label: number };

export type Relation = "less" | "lessEqual" | "greater" | "notLess" | "equal" | "notEqual";

/** The instructions, and the loops as ranges of them. */
export interface LinearCode {
  readonly name: string;
  readonly instructions: readonly Instruction[];
  readonly loops: readonly { start: number; end: number }[];
}

const opposite: Record<Relation, Relation> = {
  less: "notLess",
  notLess: "less",
  lessEqual: "greater",
  greater: "lessEqual",
  equal: "notEqual",
  notEqual: "equal",
};

/** The relation with its sides exchanged. */
const exchanged: Record<Condition["relation"], Relation> = {
  less: "greater",
  lessEqual: "notLess",
  equal: "equal",
  notEqual: "notEqual",
};

const binaryNames: ReadonlySet<string> = new Set([
  "add",
  "subtract",
  "multiply",
  "divide",
  "minimum",
  "maximum",
  "and",
  "or",
  "xor",
  "integerAdd",
]);

const constantOperations: ReadonlySet<string> = new Set(["constant", "bits", "laneNumbers"]);

export function isConstant(input: VectorInput): input is Constant {
  return "constant" in input;
}

class Linearizer {
  readonly instructions: Instruction[] = [];
  readonly loops: { start: number; end: number }[] = [];
  readonly #variables: Virtual[];
  #nextId: number;
  #nextLabel = 0;

  constructor(kernel: KernelCode) {
    this.#variables = kernel.variables.map(({ type, number }) => ({ type, id: number }));
    this.#nextId = kernel.variables.length;
    kernel.parameters.forEach(({ variable }, position) =>
      this.#add({ kind: "parameter", to: this.#variables[variable.number], position })
    );
    this.#block(kernel.body);
  }

  #add(instruction: Instruction): void {
    this.instructions.push(instruction);
  }

  #new(type: Virtual["type"]): Virtual {
    return { type, id: this.#nextId++ };
  }

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
        if (statement.lanes === "two") throw new Error("Cannot encode a store of two lanes");
        const from = this.#vectorRegister(statement.value);
        const address = this.#address(statement.address, statement.offset);
        const kind = statement.lanes === "all" ? "store" : "storeFirst";
        return this.#add({ kind, address, from });
      }
      case "storeInt32": {
        const from = this.#indexRegister(statement.value);
        const address = this.#address(statement.address, statement.offset);
        return this.#add({ kind: "storeInt32", address, from });
      }
      case "doWhile":
        return this.#loop(statement.body, statement.condition);
      case "if":
        return this.#branch(statement);
    }
  }

  #loop(body: readonly Statement[], condition: Condition): void {
    const label = this.#nextLabel++;
    const start = this.instructions.length;
    this.#add({ kind: "label", label });
    this.#block(body);
    this.#jumpIf(condition, label, true);
    this.loops.push({ start, end: this.instructions.length - 1 });
  }

  #branch(statement: Extract<Statement, { kind: "if" }>): void {
    const otherwise = this.#nextLabel++;
    this.#jumpIf(statement.condition, otherwise, false);
    this.#block(statement.then);
    if (statement.otherwise.length === 0) return this.#add({ kind: "label", label: otherwise });
    const end = this.#nextLabel++;
    this.#add({ kind: "jump", label: end });
    this.#add({ kind: "label", label: otherwise });
    this.#block(statement.otherwise);
    this.#add({ kind: "label", label: end });
  }

  #jumpIf({ relation, left, right }: Condition, label: number, when: boolean): void {
    const [a, b] = [this.#index(left), this.#index(right)];
    const isExchanged = typeof a === "number";
    const plain = isExchanged ? exchanged[relation] : relation;
    const [first, second] = isExchanged ? [b, a] : [a, b];
    this.#add({
      kind: "jumpIf",
      relation: when ? plain : opposite[plain],
      left: typeof first === "number" ? this.#indexRegister(right) : first,
      right: second,
      label,
    });
  }

  // Indices.

  #index(index: Index): IndexInput {
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
    this.#add({ kind: "moveIndex", to, from: input });
    return to;
  }

  #address(index: Index, offset: number): Address {
    const input = this.#index(index);
    if (typeof input === "number") return { index: null, offset: offset + input };
    return { index: input, offset };
  }

  #indexInto(to: Virtual, index: Index): void {
    switch (index.operation) {
      case "constant":
      case "variable":
        return this.#add({ kind: "moveIndex", to, from: this.#index(index) });
      case "loadInt32": {
        const address = this.#address(index.inputs[0], index.value);
        return this.#add({ kind: "loadInt32", to, address });
      }
      case "shiftLeft": {
        this.#add({ kind: "moveIndex", to, from: this.#index(index.inputs[0]) });
        return this.#add({ kind: "shiftIndex", to, bits: index.value });
      }
      default: {
        const [first, second] = index.inputs.map((input) => this.#index(input));
        // The first move would destroy a second input that is the target itself.
        const clashes = typeof second !== "number" && second.id === to.id;
        const target = clashes ? this.#new("index") : to;
        this.#add({ kind: "moveIndex", to: target, from: first });
        this.#add({ kind: `${index.operation}Index`, to: target, from: second });
        if (clashes) this.#add({ kind: "moveIndex", to, from: target });
      }
    }
  }

  // Vectors.

  #vector(vector: Vector): VectorInput {
    if (constantOperations.has(vector.operation)) return { constant: vector };
    return this.#vectorRegister(vector);
  }

  #vectorRegister(vector: Vector): Virtual {
    if (vector.operation === "variable") return this.#variables[vector.variable!.number];
    const to = this.#new("vector");
    this.#vectorInto(to, vector);
    return to;
  }

  #vectorInto(to: Virtual, vector: Vector): void {
    const { operation, inputs } = vector;
    if (binaryNames.has(operation)) return this.#binary(to, vector);
    switch (operation) {
      case "constant":
      case "bits":
      case "laneNumbers":
      case "variable":
        return this.#add({ kind: "moveVector", to, from: this.#vector(vector) });
      case "load":
      case "loadSplat": {
        const address = this.#address(vector.address!, vector.value);
        return this.#add({ kind: operation, to, address });
      }
      case "less":
      case "equal": {
        const first = this.#vectorRegister(inputs[0]);
        const second = this.#vector(inputs[1]);
        return this.#add({ kind: "compare", relation: operation, to, first, second });
      }
      case "squareRoot":
      case "round":
        return this.#add({ kind: "unary", name: operation, to, from: this.#vector(inputs[0]) });
      case "roundToInteger":
        return this.#add({ kind: "unary", name: "toInteger", to, from: this.#vector(inputs[0]) });
      case "integerShiftLeft":
      case "integerShiftRight": {
        const from = this.#vectorRegister(inputs[0]);
        const isLeft = operation === "integerShiftLeft";
        return this.#add({ kind: "shiftLanes", to, from, bits: vector.value, isLeft });
      }
      case "fromIndex":
        return this.#add({ kind: "splatIndex", to, from: this.#indexRegister(vector.address!) });
      default:
        return this.#composite(to, vector);
    }
  }

  #binary(to: Virtual, { operation, inputs: [a, b] }: Vector): void {
    const name = operation as BinaryName;
    // The instructions give their second input where a lane is NaN; the kernels want the first.
    const isSwapped = name === "minimum" || name === "maximum";
    const commutes = name === "add" || name === "multiply" || name === "and" || name === "or";
    const hasConstantFirst = constantOperations.has(a.operation);
    const [left, right] = isSwapped || (commutes && hasConstantFirst) ? [b, a] : [a, b];
    const first = this.#vectorRegister(left);
    this.#add({ kind: "binary", name, to, first, second: this.#vector(right) });
  }

  #composite(to: Virtual, { operation, inputs }: Vector): void {
    switch (operation) {
      case "multiplyAdd":
      case "dotPairs":
        return this.#accumulate(to, operation, inputs);
      case "multiplySubtractFrom":
        return this.#accumulate(to, "multiplySubtract", inputs);
      case "select": {
        const mask = this.#vectorRegister(inputs[0]);
        const yes = this.#vector(inputs[1]);
        return this.#add({ kind: "select", to, mask, yes, no: this.#vectorRegister(inputs[2]) });
      }
      case "sumLanes":
      case "maximumLanes": {
        const from = this.#vectorRegister(inputs[0]);
        const name = operation === "sumLanes" ? "add" : "maximum";
        const scratch = this.#new("vector");
        return this.#add({ kind: "acrossLanes", name, to, from, scratch });
      }
      default:
        throw new Error(`Cannot encode the vector operation "${operation}"`);
    }
  }

  #accumulate(to: Virtual, name: AccumulateName, inputs: readonly Vector[]): void {
    const isConstantFirst = constantOperations.has(inputs[0].operation);
    const [a, b] = isConstantFirst ? [inputs[1], inputs[0]] : inputs;
    const first = this.#vectorRegister(a);
    const second = this.#vector(b);
    const addend = this.#vector(inputs[2]);
    const isInPlace = !isConstant(addend) && addend.id === to.id;
    const clashes = !isInPlace &&
      (first.id === to.id || (!isConstant(second) && second.id === to.id));
    const target = clashes ? this.#new("vector") : to;
    if (!isInPlace) this.#add({ kind: "moveVector", to: target, from: addend });
    this.#add({ kind: "accumulate", name, to: target, first, second });
    if (clashes) this.#add({ kind: "moveVector", to, from: target });
  }
}

/** See the module's text. */
export function linearize(kernel: KernelCode): LinearCode {
  const { instructions, loops } = new Linearizer(kernel);
  return { name: kernel.name, instructions, loops };
}

/** The virtual registers that an instruction reads or writes. */
export function registersOf(instruction: Instruction): Virtual[] {
  const found: Virtual[] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null || "constant" in value) return;
    if ("id" in value) found.push(value as Virtual);
    else if ("index" in value) visit((value as Address).index);
  };
  for (const value of Object.values(instruction)) visit(value);
  return found;
}
