/**
 * Gives virtual registers their places: linear scan (Poletto and Sarkar 1999) over the stretches in
 * which they live. Those that are used least, with loops counted tenfold, go to the stack.
 *
 * @module
 */

import { type LinearCode, registersOf, type Virtual } from "./linear_code.ts";

/** A register's number, or a slot of the stack. */
export type Place = { kind: "register"; number: number } | { kind: "stack"; slot: number };

/** Where each virtual register is, by id. */
export interface Allocation {
  readonly places: ReadonlyMap<number, Place>;
  readonly slots: number;
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
    const depth = depths[position];
    for (const virtual of registersOf(instruction)) {
      const known = intervals.get(virtual.id);
      const interval = known ?? { virtual, start: position, end: position, weight: 0 };
      interval.end = position;
      interval.weight += 10 ** depth;
      intervals.set(virtual.id, interval);
    }
  });
  // What comes into a loop and is used there must live until the loop's end: its next turn reads it.
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
  const places = new Map<number, Place>();
  const free = [...available].reverse();
  let active: { interval: Interval; number: number }[] = [];
  let slots = 0;
  const spill = (interval: Interval) => {
    places.set(interval.virtual.id, { kind: "stack", slot: slots++ });
  };
  for (const interval of findIntervals(code)) {
    if (interval.virtual.type !== type) continue;
    // A register is free for what starts in the instruction after its last use, not in the same one:
    // an instruction may write its target before it has read all inputs.
    for (const old of active) if (old.interval.end < interval.start) free.push(old.number);
    active = active.filter((old) => old.interval.end >= interval.start);
    let number = free.pop();
    if (number === undefined) {
      const least = active.reduce((a, b) => a.interval.weight <= b.interval.weight ? a : b);
      if (least.interval.weight >= interval.weight) {
        spill(interval);
        continue;
      }
      spill(least.interval);
      active = active.filter((other) => other !== least);
      number = least.number;
    }
    places.set(interval.virtual.id, { kind: "register", number });
    active.push({ interval, number });
  }
  return { places, slots };
}
