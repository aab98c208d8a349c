/**
 * Assigns virtual registers to real ones: linear scan (Poletto and Sarkar 1999) over their live
 * intervals. Those that are used least, with uses in loops counted tenfold, go to the stack.
 *
 * @module
 */

import { type LinearCode, registersOf, type Virtual } from "./linear_instructions.ts";

/** Where each virtual register is, by id: a register's number, or a slot of the stack. */
export interface Allocation {
  readonly registers: ReadonlyMap<number, number>;
  readonly slots: ReadonlyMap<number, number>;
}

interface Interval {
  readonly virtual: Virtual;
  start: number;
  end: number;
  weight: number;
}

function findIntervals({ instructions, loops }: LinearCode): Interval[] {
  const intervals = new Map<number, Interval>();
  const depths = new Uint8Array(instructions.length);
  for (const { start, end } of loops) {
    for (let position = start; position <= end; position++) depths[position]++;
  }
  instructions.forEach((instruction, position) => {
    for (const virtual of registersOf(instruction)) {
      const known = intervals.get(virtual.id);
      const interval = known ?? { virtual, start: position, end: position, weight: 0 };
      interval.end = position;
      interval.weight += 10 ** depths[position];
      intervals.set(virtual.id, interval);
    }
  });
  // A value that enters a loop and is used there must live until the loop ends: the next iteration
  // reads it.
  // Loops are listed inner ones first.
  for (const loop of loops) {
    for (const interval of intervals.values()) {
      const entersAlive = interval.start < loop.start && interval.end >= loop.start;
      if (entersAlive && interval.end < loop.end) interval.end = loop.end;
    }
  }
  return [...intervals.values()].sort((a, b) => a.start - b.start);
}

/** Allocates the registers of one type out of `available`. */
export function allocateRegisters(
  code: LinearCode,
  type: Virtual["type"],
  available: readonly number[],
): Allocation {
  const registers = new Map<number, number>();
  const slots = new Map<number, number>();
  const free = [...available].reverse();
  let active: Interval[] = [];
  for (const interval of findIntervals(code)) {
    const { type: own, id } = interval.virtual;
    if (own !== type) continue;
    // A register is free for what starts in the instruction after its last use, not in the same one:
    // an instruction may write its target before it has read all inputs.
    const ended = active.filter((old) => old.end < interval.start);
    free.push(...ended.map(({ virtual }) => registers.get(virtual.id)!));
    active = active.filter((old) => old.end >= interval.start);
    let number = free.pop();
    if (number === undefined) {
      const least = [interval, ...active].reduce((a, b) => a.weight <= b.weight ? a : b);
      slots.set(least.virtual.id, slots.size);
      if (least === interval) continue;
      number = registers.get(least.virtual.id)!;
      registers.delete(least.virtual.id);
      active = active.filter((other) => other !== least);
    }
    registers.set(id, number);
    active.push(interval);
  }
  return { registers, slots };
}
