/** AdamW over all parameters: two dispatches per segment of them and one in between. @module */

import controlCode from "./adam_w_control.wgsl" with { type: "text" };
import rowSums from "../../shaders/row_sums.wgsl" with { type: "text" };
import squaresCode from "./gradient_squares.wgsl" with { type: "text" };
import updateCode from "./adam_w.wgsl" with { type: "text" };
import type { Tensor } from "../../../../deps/tfjs.ts";
import type { AdamWArguments } from "../../../kernels.ts";
import { BLOCK, ParameterArena } from "./parameter_arena.ts";
import type { BufferSlice } from "../../runtime.ts";
import { float, foldedGrid, type ShaderRunner } from "../../shaders/shader_runner.ts";
import type { KernelTools } from "../kernel_tools.ts";

const SQUARES = { name: "gradient_squares", code: squaresCode, includes: [rowSums] };
const CONTROL = { name: "adam_w_control", code: controlCode, includes: [rowSums] };
const UPDATE = { name: "adam_w", code: updateCode };

const WORKGROUP = BLOCK / 4;
/** Quads whose squares one workgroup adds up. */
const GROUP_QUADS = 1024;

export function adamWKernel({ runner }: KernelTools): (args: AdamWArguments) => Tensor {
  const { runtime } = runner;
  const arenas = new Set<ParameterArena>();
  runtime.onSliceReleased = (slice) => {
    for (const arena of arenas) {
      if (!arena.release(slice)) continue;
      arena.dispose();
      arenas.delete(arena);
    }
  };

  runtime.claimGradientSlot = (parameter, gradient) => {
    for (const arena of arenas) {
      const slot = arena.claimGradientSlot(parameter, gradient);
      if (slot !== null) return slot;
    }
    return null;
  };

  runtime.halfSlotOf = (parameter) => {
    for (const arena of arenas) {
      const slot = arena.halfSlotOf(parameter);
      if (slot !== null) return slot;
    }
    return null;
  };

  /** The arena that holds most of the tensors, so that a loaded checkpoint goes where the tensors were. */
  function arenaOf(args: AdamWArguments): ParameterArena {
    let [best, most]: [ParameterArena | null, number] = [null, 0];
    for (const arena of arenas) {
      const held = arena.fits(args) ? arena.countHeld(args) : 0;
      if (held > most) [best, most] = [arena, held];
    }
    if (best === null) {
      best = new ParameterArena(runtime, args, (full, half) => runner.narrow(full, half));
      arenas.add(best);
    }
    best.hold(args);
    return best;
  }

  return (args) => {
    // Deferred work may be about to read the current parameters.
    runtime.deferrals.settleAll();
    const arena = arenaOf(args);
    arena.gatherGradients(args.gradients);
    writeRates(arena, args);
    const report = runtime.allocate([3]);
    const factors = runtime.allocate([4]);
    const control = runtime.bindingOfOutput(factors);
    reduceGradients(runner, arena, args, { control, report });
    for (const segment of arena.segments) {
      runner.run({
        file: UPDATE,
        constants: { WORKGROUP, KEEPS_HALF: segment.halves !== null },
        reads: {
          gradients: { quads: segment.gradients },
          blocks: { floats: segment.owners },
          rates: { floats: arena.rates },
          control: { floats: control },
        },
        writes: {
          parameters: { quads: segment.parameters },
          first: { quads: segment.first },
          second: { quads: segment.second },
          halves: segment.halves && { halves: segment.halves },
        },
        uniforms: {
          blocks: segment.blocks,
          beta1: float(args.beta1),
          rest1: float(1 - args.beta1),
          beta2: float(args.beta2),
          rest2: float(1 - args.beta2),
          epsilon: float(args.epsilon),
        },
        isQuadWide: true,
        grid: foldedGrid(segment.blocks, 1),
      });
    }
    factors.dispose();
    return report;
  };

  function writeRates(arena: ParameterArena, { learningRates, weightDecays }: AdamWArguments) {
    const rates = learningRates.flatMap((rate, index) => [rate, 1 - rate * weightDecays[index]]);
    // Writes happen before all work that has not been submitted, including the last step's.
    runtime.flush();
    runtime.queue.writeBuffer(arena.rates.buffer, 0, Float32Array.from(rates));
  }
}

/** Norm, scaler and the factors of this step, into `control` and `report`. */
function reduceGradients(
  runner: ShaderRunner,
  arena: ParameterArena,
  { scaler, maxGradientNorm, growthInterval, beta1, beta2 }: AdamWArguments,
  { control, report }: { control: BufferSlice; report: Tensor },
): void {
  const { runtime } = runner;
  const groups = arena.segments.map(({ blocks }) => Math.ceil(blocks * WORKGROUP / GROUP_QUADS));
  const partialCount = groups.reduce((sum, count) => sum + count, 0);
  const sums = runtime.allocate([partialCount]);
  const partials = runtime.bindingOfOutput(sums);
  let firstPartial = 0;
  arena.segments.forEach(({ gradients, blocks }, index) => {
    runner.run({
      file: SQUARES,
      constants: { WORKGROUP, GROUP_QUADS },
      reads: { gradients: { quads: gradients }, scaler: runner.floats(scaler) },
      writes: { partials: { floats: partials } },
      uniforms: { quads: blocks * WORKGROUP, firstPartial },
      isQuadWide: true,
      grid: foldedGrid(groups[index], 1),
    });
    firstPartial += groups[index];
  });
  runner.run({
    file: CONTROL,
    constants: {
      WORKGROUP: 256,
      HAS_MAXIMUM: maxGradientNorm !== null,
      HAS_GROWTH: growthInterval !== null,
    },
    reads: { partials: { floats: partials } },
    writes: {
      scaler: { floats: runtime.bindingOfOutput(scaler) },
      control: { floats: control },
      report: { floats: runtime.bindingOfOutput(report) },
    },
    uniforms: {
      partials: partialCount,
      maximum: float(maxGradientNorm ?? 0),
      growthInterval: float(growthInterval ?? 0),
      // β = 0 makes 1 − βᵗ one immediately.
      minusLogBeta1: float(beta1 === 0 ? 100 : -Math.log(beta1)),
      minusLogBeta2: float(beta2 === 0 ? 100 : -Math.log(beta2)),
    },
    isQuadWide: true,
    grid: [1, 1, 1],
  });
  sums.dispose();
}
