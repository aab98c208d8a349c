/**
 * Formulas in fixtures, such as `pixel[b,ch,y,x] = sin(0.37*(ch+1)) + 0.5*x, float64 then cast to float32`.
 *
 * @module
 */

import { UserError } from "../../core/errors.ts";

type Expression = (places: readonly number[]) => number;

const functions: Readonly<Record<string, (value: number) => number>> = {
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  abs: Math.abs,
  floor: Math.floor,
};

type Binary = (a: number, b: number) => number;
/** Python's remainder has the sign of the divisor. */
const modulo: Binary = (a, b) => a - b * Math.floor(a / b);
const additive: Readonly<Record<string, Binary>> = { "+": (a, b) => a + b, "-": (a, b) => a - b };
const multiplicative: Readonly<Record<string, Binary>> = {
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "%": modulo,
  "mod": modulo,
};

/** By precedence: sums, products, signs, powers, atoms. */
class Parser {
  readonly #tokens: readonly string[];
  #next = 0;

  constructor(text: string, readonly variables: readonly string[]) {
    this.#tokens = text.match(/\d+(?:\.\d*)?(?:e[+-]?\d+)?|[A-Za-z_]\w*|\*\*|\S/g) ?? [];
  }

  /** The longest expression that the text starts with, and the word after it. */
  parse(): { expression: Expression; rest: string | undefined } {
    return { expression: this.#sum(), rest: this.#tokens[this.#next] };
  }

  #take(token: string): boolean {
    if (this.#tokens[this.#next] !== token) return false;
    this.#next++;
    return true;
  }

  #chain(operand: () => Expression, operators: Readonly<Record<string, Binary>>): Expression {
    let left = operand();
    while (Object.hasOwn(operators, this.#tokens[this.#next] ?? "")) {
      const combine = operators[this.#tokens[this.#next++]];
      const [first, second] = [left, operand()];
      left = (places) => combine(first(places), second(places));
    }
    return left;
  }

  #sum(): Expression {
    return this.#chain(() => this.#product(), additive);
  }

  #product(): Expression {
    return this.#chain(() => this.#signed(), multiplicative);
  }

  #signed(): Expression {
    if (!this.#take("-")) return this.#power();
    const value = this.#signed();
    return (places) => -value(places);
  }

  #power(): Expression {
    const base = this.#atom();
    if (!this.#take("**")) return base;
    const exponent = this.#signed();
    return (places) => base(places) ** exponent(places);
  }

  #atom(): Expression {
    const token = this.#tokens[this.#next++] ?? "its end";
    if (token === "(") {
      const inner = this.#sum();
      if (!this.#take(")")) throw new Error("a bracket is not closed");
      return inner;
    }
    if (/^\d/.test(token)) {
      const value = Number(token);
      return () => value;
    }
    if (token === "pi") return () => Math.PI;
    const place = this.variables.indexOf(token);
    if (place >= 0) return (places) => places[place];
    if (!Object.hasOwn(functions, token)) throw new Error(`"${token}" is unknown`);
    if (this.#tokens[this.#next] !== "(") throw new Error(`"${token}" has no argument`);
    const [apply, argument] = [functions[token], this.#atom()];
    return (places) => apply(argument(places));
  }
}

/**
 * A formula as a function of its indices; `name[a,b] = …` names them in order. Whatever follows a comma or the
 * word "for" is a comment.
 *
 * @throws UserError if it cannot be parsed
 */
export function parseFormula(text: string): Expression {
  const match = /^\s*\w+\[([\w\s,]+)\]\s*=(.*)$/s.exec(text);
  const fail = (reason: string) =>
    new UserError(`Cannot read the formula "${text}" of a fixture: ${reason}`);
  if (match === null) throw fail('expected "name[a,b] = …"');
  const variables = match[1].split(",").map((name) => name.trim());
  let parsed: ReturnType<Parser["parse"]>;
  try {
    parsed = new Parser(match[2], variables).parse();
  } catch (error) {
    throw fail((error as Error).message);
  }
  const { expression, rest } = parsed;
  if (rest !== undefined && rest !== "," && rest !== "for") throw fail(`"${rest}" is unknown`);
  return expression;
}

/** The values of a formula at all indices of a shape, row-major, in float64. */
export function evaluateFormula(text: string, shape: readonly number[]): Float64Array {
  const expression = parseFormula(text);
  const values = new Float64Array(shape.reduce((product, extent) => product * extent, 1));
  const places = new Array<number>(shape.length).fill(0);
  for (let i = 0; i < values.length; i++) {
    values[i] = expression(places);
    for (let axis = shape.length - 1; axis >= 0 && ++places[axis] === shape[axis]; axis--) {
      places[axis] = 0;
    }
  }
  return values;
}
