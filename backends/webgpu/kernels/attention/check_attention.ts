/** Whether attention on matrix units is right. @module */

import type { Tensor } from "../../../../deps/tfjs.ts";
import { filled, flawBetween, type Results } from "../../compare_results.ts";
import type { ShaderRunner } from "../../shaders/shader_runner.ts";
import { attentionKernel } from "./attention.ts";
import type { AttentionTilingChoice } from "./attention_tilings.ts";
import { type AttentionUnits, NO_ATTENTION_UNITS } from "./attention_units.ts";

/** Not whole tiles, and several of them. */
const TOKENS = 71;
const SAMPLES = 2;
const HEADS = 2;
/** Weights are rounded to float16, and gradients of logits. */
const TOLERANCE = 4e-3;

/** What is compared with attention by threads. */
export interface AttentionCheck {
  readonly tilings: AttentionTilingChoice;
  readonly units: AttentionUnits;
  readonly way: keyof AttentionUnits;
  readonly headWidth: number;
}

/** What is wrong with attention on matrix units, forward or backward; null if nothing is. */
export async function attentionFlawOf(
  runner: ShaderRunner,
  { tilings, units, way, headWidth }: AttentionCheck,
): Promise<string | null> {
  const { runtime } = runner;
  const width = HEADS * headWidth;
  const operands = {
    qkv: filled(runtime, [SAMPLES, TOKENS, 3 * width], 1),
    bias: filled(runtime, [HEADS, TOKENS, TOKENS], 2),
    dy: filled(runtime, [SAMPLES, TOKENS, width], 3),
    y: filled(runtime, [SAMPLES, TOKENS, width], 4),
    logSums: filled(runtime, [SAMPLES, HEADS, TOKENS], 5),
  };
  // As in training.
  for (const tensor of [operands.qkv, operands.dy, operands.y]) {
    runtime.demote(tensor, (full, half) => runner.narrow(full, half));
  }
  const compute = way === "forward" ? forwardResults : backwardResults;
  const run = (attentionUnits: AttentionUnits) => {
    const kernel = attentionKernel({ runner, attentionTilings: tilings, attentionUnits });
    return compute(kernel, operands);
  };
  const flaw = await flawBetween(runtime, {
    plain: () => run(NO_ATTENTION_UNITS),
    units: () => run(units),
    tolerance: TOLERANCE,
  });
  for (const tensor of Object.values(operands)) tensor.dispose();
  return flaw;
}

type Operands = Readonly<Record<"qkv" | "bias" | "dy" | "y" | "logSums", Tensor>>;
type Kernel = ReturnType<typeof attentionKernel>;

function commonOf({ qkv, bias }: Operands) {
  return { qkv, bias, heads: HEADS, scale: 0.3, precision: "float16" } as const;
}

function forwardResults(kernel: Kernel, operands: Operands): Results {
  const { y, saved: [logSums] } = kernel.forward(commonOf(operands));
  return { y, logSums };
}

/** From any y and statistics: gradients are compared, not right. */
function backwardResults(kernel: Kernel, operands: Operands): Results {
  const { y, logSums, dy } = operands;
  const { dqkv, dbias } = kernel.backward({ ...commonOf(operands), y, saved: [logSums], dy });
  return { dqkv, dbias: dbias! };
}
