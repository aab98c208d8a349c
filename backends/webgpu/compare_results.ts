/**
 * Compares kernels on matrix units with those that every GPU computes alike: matrix units are an experimental
 * part of WebGPU, and drivers get them wrong.
 *
 * @module
 */

import { Generator } from "../../core/generator.ts";
import type { Tensor } from "../../deps/tfjs.ts";
import type { Runtime } from "./runtime.ts";

/** Tensors by name. */
export type Results = Readonly<Record<string, Tensor>>;

/** What is compared; both compute the same tensors, which are disposed of. */
export interface Comparison {
  readonly plain: () => Results;
  readonly units: () => Results;
  /** Largest difference relative to the largest value of a tensor. */
  readonly tolerance: number;
}

/** What is wrong with the results on matrix units; null if nothing is. */
export async function flawBetween(
  runtime: Runtime,
  { plain, units, tolerance }: Comparison,
): Promise<string | null> {
  const { device } = runtime;
  runtime.flush();
  const wanted = plain();
  device.pushErrorScope("validation");
  const found = units();
  runtime.flush();
  const error = await device.popErrorScope();
  const flaw = error === null
    ? await difference(runtime, wanted, found, tolerance)
    : reasonIn(error.message);
  for (const tensor of [wanted, found].flatMap((each) => Object.values(each))) tensor.dispose();
  return flaw;
}

/** Those of some tilings on matrix units that come out right; of each other one, `notes` gets a line. */
export async function rightTilings<Name extends string>(
  names: readonly Name[],
  what: string,
  flawOf: (name: Name) => Promise<string | null>,
  notes: string[],
): Promise<Name[]> {
  const right: Name[] = [];
  for (const name of names) {
    const flaw = await flawOf(name);
    if (flaw === null) right.push(name);
    else notes.push(`matrix units are not used for ${what} (${name}): ${flaw}`);
  }
  return right;
}

/** How far results are apart, as a complaint; null if they agree. */
async function difference(
  runtime: Runtime,
  wanted: Results,
  found: Results,
  tolerance: number,
): Promise<string | null> {
  for (const [name, tensor] of Object.entries(wanted)) {
    const values = await runtime.read(tensor.dataId) as Float32Array;
    const others = await runtime.read(found[name].dataId) as Float32Array;
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    // Turned round, so that NaN is no agreement.
    const isOff = (value: number, i: number) =>
      !(Math.abs(value - others[i]) <= tolerance * largest);
    const count = values.filter(isOff).length;
    if (count > 0) return `${count} of ${values.length} values of ${name} are wrong`;
  }
  return null;
}

/** A tensor with values between -1 and 1 that have no pattern. */
export function filled(runtime: Runtime, shape: number[], seed: number): Tensor {
  const tensor = runtime.allocate(shape);
  const random = Generator.from(seed);
  const values = Float32Array.from({ length: tensor.size }, () => random.uniform(-1, 1));
  const { buffer, offset } = runtime.bindingOfOutput(tensor);
  runtime.queue.writeBuffer(buffer, offset, values);
  return tensor;
}

/** The line of a compiler's message that says what is wrong. */
function reasonIn(text: string): string {
  const lines = text.split("\n").map((line) => line.trim());
  return lines.find((line) => /\berror:/.test(line)) ?? lines.find((line) => line !== "") ?? text;
}
