/**
 * Memory of pretraining steps on the `cpu` backend and in PyTorch, each in a process of its own: the
 * system's peak of resident bytes, and whether ours stays the same over many steps.
 *
 *     deno task bench resident vit_b --batch 8 --steps 50
 *
 * Other options: see `step.ts`. PyTorch runs five steps; it reaches its peak after two. Linux only.
 *
 * @module
 */

import { readOptions } from "../options.ts";
import { keep } from "../report.ts";
import { openPair, usualOptions } from "./pair.ts";

const { options, positionals: [model] } = readOptions({ ...usualOptions, steps: 50 });
const { batch, precision, steps } = options;

/** Resident bytes of this process: current and peak. */
function resident(): { bytes: number; peakBytes: number } {
  const status = Deno.readTextFileSync("/proc/self/status");
  const value = (name: string) => 1024 * Number(status.match(`${name}:\\s+(\\d+)`)?.[1]);
  return { bytes: value("VmRSS"), peakBytes: value("VmHWM") };
}

const { backend, peer, facts, step } = await openPair(model, options);
await peer.ask({ do: "step", count: 4 });
const pytorch = await peer.ask<{ bytes: number; peakBytes: number }>({ do: "resident" });
await peer.close();

const ours = [];
for (let number = 2; number <= steps; number++) {
  step();
  if (number === 5 || number % 10 === 0) {
    const now = { step: number, ...resident(), peakTensorBytes: backend.memory().peakBytes };
    console.log(JSON.stringify(now));
    ours.push(now);
  }
}
const summary = { ...facts, ours, pytorch, ratio: ours.at(-1)!.peakBytes / pytorch.peakBytes };
console.log(JSON.stringify(summary, null, 2));
await keep(`cpu_resident_${model}_${batch}_${precision}`, summary);
await backend.dispose();
