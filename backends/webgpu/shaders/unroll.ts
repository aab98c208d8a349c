/**
 * Unrolls the loops marked `@unroll` in a shader.
 *
 * Arrays in registers need constant indices, and the WebGPU implementation in Deno adds a counter to every
 * loop, which keeps drivers from unrolling it themselves. A marked loop must have the form
 * `@unroll for (var i = 0u; i < COUNT; i++) { … }` with a number or a known constant as its count, and a
 * variable that nothing in it assigns to.
 *
 * @module
 */

const HEAD = /@unroll for \(var (\w+) = 0u; \1 < (\w+); \1\+\+\) \{/;

/** `code` with its marked loops unrolled, innermost last. */
export function unroll(
  code: string,
  constants: Readonly<Record<string, number | boolean>>,
): string {
  let text = code;
  for (let head = HEAD.exec(text); head !== null; head = HEAD.exec(text)) {
    const [whole, variable, bound] = head;
    const count = /^\d/.test(bound) ? parseInt(bound) : Number(constants[bound]);
    if (!Number.isInteger(count)) throw new Error(`Cannot unroll: "${bound}" is not a constant`);
    const begin = head.index + whole.length;
    const end = closingBrace(text, begin);
    const body = text.slice(begin, end);
    const name = new RegExp(`\\b${variable}\\b`, "g");
    const copies = Array.from({ length: count }, (_, i) => `{${body.replace(name, `${i}u`)}}`);
    text = text.slice(0, head.index) + copies.join("\n") + text.slice(end + 1);
  }
  return text;
}

function closingBrace(text: string, begin: number): number {
  let depth = 1;
  for (let i = begin; i < text.length; i++) {
    if (text[i] === "{") depth++;
    if (text[i] === "}" && --depth === 0) return i;
  }
  throw new Error("Cannot unroll: a brace is not closed");
}
