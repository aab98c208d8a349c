/**
 * Builds a {@link KernelCode}: the tool with which a kernel's description writes its code.
 *
 * @module
 */

import {
  bits,
  Index,
  laneNumbers,
  toIndex,
  toVector,
  type Variable,
  Vector,
} from "./expression.ts";
import type { Condition, KernelCode, KernelParameter, Statement } from "./statement.ts";

/** A variable of type index: reads like the index that it holds. */
export class IndexVariable extends Index {
  readonly #builder: KernelBuilder;

  constructor(builder: KernelBuilder, variable: Variable) {
    super("variable", [], 0, variable);
    this.#builder = builder;
  }

  set(value: Index | number): void {
    this.#builder.add({
      kind: "setIndex",
      variable: this.variable as Variable,
      value: toIndex(value),
    });
  }

  advance(step: Index | number): void {
    this.set(this.plus(step));
  }
}

/** A variable of type vector: reads like the vector that it holds. */
export class VectorVariable extends Vector {
  readonly #builder: KernelBuilder;

  constructor(builder: KernelBuilder, variable: Variable) {
    super("variable", [], { variable });
    this.#builder = builder;
  }

  set(value: Vector | number): void {
    this.#builder.add({
      kind: "setVector",
      variable: this.variable as Variable,
      value: toVector(value),
    });
  }
}

/**
 * How the body of a vector loop accesses memory: whole vectors, or single elements for the remainder of
 * a row. In the second case every lane holds the same element, and only the first one counts.
 */
export interface LoopLanes {
  load(pointer: Index): Vector;
  store(pointer: Index, value: Vector): void;
  /** sum += value, over the lanes that count. */
  accumulate(sum: VectorVariable, value: Vector): void;
  /** Which of the unrolled copies of the body this is. */
  readonly copy: number;
  /** Elements that one copy of the body visits. */
  readonly width: number;
  /** For each lane, how far its element is from the first of this copy. */
  readonly numbers: Vector;
}

/** See the module comment. */
export class KernelBuilder {
  /** float32 lanes of a vector. */
  readonly lanes: number;
  readonly #name: string;
  readonly #parameters: KernelParameter[] = [];
  readonly #variables: Variable[] = [];
  #statements: Statement[] = [];

  constructor(name: string, lanes: number) {
    this.#name = name;
    this.lanes = lanes;
  }

  get vectorBytes(): number {
    return this.lanes * 4;
  }

  finish(): KernelCode {
    return {
      name: this.#name,
      parameters: this.#parameters,
      variables: this.#variables,
      body: this.#statements,
    };
  }

  add(statement: Statement): void {
    this.#statements.push(statement);
  }

  /** Parameters that are addresses, counts or strides in bytes, in the order of the call. */
  indices<Names extends readonly string[]>(
    ...names: Names
  ): { [Position in keyof Names]: IndexVariable } {
    return names.map((name) => {
      const variable = this.#variable("index");
      this.#parameters.push({ name, variable });
      return new IndexVariable(this, variable);
    }) as { [Position in keyof Names]: IndexVariable };
  }

  /** Parameters that are numbers, each in all lanes. */
  scalars<Names extends readonly string[]>(
    ...names: Names
  ): { [Position in keyof Names]: VectorVariable } {
    return names.map((name) => {
      const variable = this.#variable("vector");
      this.#parameters.push({ name, variable });
      return new VectorVariable(this, variable);
    }) as { [Position in keyof Names]: VectorVariable };
  }

  let(value: Vector | number): VectorVariable {
    const result = new VectorVariable(this, this.#variable("vector"));
    result.set(value);
    return result;
  }

  letIndex(value: Index | number): IndexVariable {
    const result = new IndexVariable(this, this.#variable("index"));
    result.set(value);
    return result;
  }

  load(address: Index, offset = 0): Vector {
    return new Vector("load", [], { address, value: offset });
  }

  /** One float in every lane. */
  loadSplat(address: Index, offset = 0): Vector {
    return new Vector("loadSplat", [], { address, value: offset });
  }

  store(address: Index, value: Vector | number, offset = 0): void {
    this.add({ kind: "store", address, offset, value: toVector(value), lanes: "all" });
  }

  /**
   * A whole vector at a multiple of its bytes, to memory without reading it into the caches first. Other threads
   * see it after the next atomic operation of this one. Machine code only.
   */
  storePastCaches(address: Index, value: Vector, offset = 0): void {
    this.add({ kind: "store", address, offset, value, lanes: "pastCaches" });
  }

  storeFirst(address: Index, value: Vector | number, offset = 0): void {
    this.add({ kind: "store", address, offset, value: toVector(value), lanes: "first" });
  }

  /** Four lanes, from 4·`group` on. */
  storeGroup(address: Index, value: Vector, group: number, offset = 0): void {
    this.add({ kind: "store", address, offset, value, lanes: { group } });
  }

  /** The lanes where a comparison holds; for AVX-512. */
  storeWhere(where: Vector, address: Index, value: Vector, offset = 0): void {
    this.add({ kind: "store", address, offset, value, lanes: { where } });
  }

  if(condition: Condition, then: () => void, otherwise: () => void = () => {}): void {
    this.add({
      kind: "if",
      condition,
      then: this.#block(then),
      otherwise: this.#block(otherwise),
    });
  }

  /** Runs `body`, and repeats it while the condition holds, which may read what the body set. */
  doWhile(body: () => void, condition: Condition): void {
    this.add({ kind: "doWhile", body: this.#block(body), condition });
  }

  /** Runs `body` `count` times, possibly zero. */
  repeat(count: Index | number, body: () => void): void {
    const left = this.letIndex(count);
    this.if(greater(left, 0), () => {
      this.doWhile(() => {
        body();
        left.set(left.minus(1));
      }, greater(left, 0));
    });
  }

  /**
   * Visits `count` elements at each of `pointers`, vector by vector and then one by one; the
   * pointers are advanced past them. `unroll` copies of the body run in each turn of the loop.
   */
  forElements(
    count: Index,
    pointers: readonly IndexVariable[],
    body: (lanes: LoopLanes) => void,
    unroll = 1,
  ): void {
    const left = this.letIndex(count);
    const loop = (copies: number, lanes: "all" | "first") => {
      const step = lanes === "all" ? this.lanes : 1;
      const turn = () => {
        for (let copy = 0; copy < copies; copy++) body(this.#access(lanes, copy));
        for (const pointer of pointers) pointer.advance(step * copies * 4);
        left.set(left.minus(step * copies));
      };
      const enough = notLess(left, step * copies);
      this.if(enough, () => this.doWhile(turn, enough));
    };
    if (unroll > 1) loop(unroll, "all");
    loop(1, "all");
    loop(1, "first");
  }

  #access(lanes: "all" | "first", copy: number): LoopLanes {
    const offset = copy * this.vectorBytes;
    if (lanes === "all") {
      return {
        copy,
        width: this.lanes,
        numbers: laneNumbers(),
        load: (pointer) => this.load(pointer, offset),
        store: (pointer, value) => this.store(pointer, value, offset),
        accumulate: (sum, value) => sum.set(sum.plus(value)),
      };
    }
    return {
      copy,
      width: 1,
      numbers: toVector(0),
      load: (pointer) => this.loadSplat(pointer),
      store: (pointer, value) => this.storeFirst(pointer, value),
      accumulate: (sum, value) => sum.set(sum.plus(value.and(firstLane))),
    };
  }

  #variable(type: "index" | "vector"): Variable {
    const variable = { type, number: this.#variables.length };
    this.#variables.push(variable);
    return variable;
  }

  #block(body: () => void): Statement[] {
    const outer = this.#statements;
    const inner: Statement[] = [];
    this.#statements = inner;
    body();
    this.#statements = outer;
    return inner;
  }
}

/** All bits of the first lane only. */
const firstLane = new Vector("bits", [], { value: -1, lanes: [0] });

export function less(left: Index, right: Index | number): Condition {
  return { relation: "less", left, right: toIndex(right) };
}

export function notLess(left: Index, right: Index | number): Condition {
  return { relation: "notLess", left, right: toIndex(right) };
}

export function greater(left: Index, right: Index | number): Condition {
  return { relation: "greater", left, right: toIndex(right) };
}

export function equal(left: Index, right: Index | number): Condition {
  return { relation: "equal", left, right: toIndex(right) };
}

export { bits };

/** A kernel's name and the function that writes it, for any number of lanes. */
export interface KernelDescription {
  readonly name: string;
  readonly build: (builder: KernelBuilder) => void;
}

/** Writes a kernel for a target with this many lanes. */
export function describeKernel(description: KernelDescription, lanes: number): KernelCode {
  const builder = new KernelBuilder(description.name, lanes);
  description.build(builder);
  return builder.finish();
}
