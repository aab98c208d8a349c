/** How deeply the values of a pickle may be nested. */

import { FormatError } from "../format_error.ts";
import { childrenOf, type PickleValue } from "./pickle_values.ts";

const MAX_DEPTH = 100;

/** Rejects anything nested deeper than any checkpoint, and anything that contains itself. */
export function checkDepth(root: PickleValue): void {
  const depths = new Map<PickleValue, number>();
  const open = new Set<PickleValue>();
  const path: { value: PickleValue; children: PickleValue[]; next: number; depth: number }[] = [];
  const settle = (frame: { depth: number }, depth: number) => {
    frame.depth = Math.max(frame.depth, depth);
    if (path.length + depth > MAX_DEPTH) throw new FormatError("its pickle is nested too deeply");
  };
  const enter = (value: PickleValue) => {
    open.add(value);
    path.push({ value, children: childrenOf(value), next: 0, depth: 0 });
    settle(path[path.length - 1], 0);
  };
  enter(root);
  while (path.length > 0) {
    const frame = path[path.length - 1];
    if (frame.next === frame.children.length) {
      path.pop();
      open.delete(frame.value);
      depths.set(frame.value, frame.depth);
      if (path.length > 0) settle(path[path.length - 1], frame.depth + 1);
      continue;
    }
    const child = frame.children[frame.next++];
    if (typeof child !== "object" || child === null) continue;
    if (open.has(child)) throw new FormatError("its pickle contains itself");
    const known = depths.get(child);
    if (known === undefined) enter(child);
    else settle(frame, known + 1);
  }
}
