/**
 * Attention with every tiling, at the shapes of ViT-S and ViT-B: milliseconds of each kernel, and
 * TFLOP/s of the products that the method asks for (two forward, five backward; padding not counted).
 * Results must agree between tilings. Those for GPUs that are imitated are left out unless named; those for
 * matrix units are for float16 alone, where a GPU has such units.
 *
 *     deno run -A bench/webgpu/attention.ts [images 64] [tokens 197] [rounds 3] [tilings, by comma] \
 *         [--webgpu deno]
 *
 * @module
 */

import type { Precision } from "../../backends/backend.ts";
import { relativeError } from "../../backends/conformance/case.ts";
import { summarizeAdapter } from "../../backends/webgpu/adapter.ts";
import { KernelProfiler } from "../../backends/webgpu/kernel_profiler.ts";
import {
  attentionKernel,
  type AttentionTools,
} from "../../backends/webgpu/kernels/attention/attention.ts";
import {
  ATTENTION_TILINGS,
  attentionTilingChoice,
} from "../../backends/webgpu/kernels/attention/attention_tilings.ts";
import {
  ATTENTION_UNITS,
  type AttentionUnitsName,
  tilingsThatFit,
} from "../../backends/webgpu/kernels/attention/attention_units.ts";
import { openRunner } from "../../backends/webgpu/open_runner.ts";
import { findMatrixUnits } from "../../backends/webgpu/products/matrix_units.ts";
import { Generator } from "../../core/generator.ts";
import { median } from "../../core/median.ts";
import { type Tensor, tf } from "../../deps/tfjs.ts";
import { readOptions } from "../options.ts";
import { keep } from "../report.ts";
import { implementationOf } from "./implementation.ts";
import { warmUp } from "./warm_up.ts";

const { options, positionals } = readOptions({ webgpu: "deno" });
const [imagesText, tokensText, roundsText, names] = positionals;
const samples = Number(imagesText ?? 64);
const tokens = Number(tokensText ?? 197);
const rounds = Number(roundsText ?? 3);
const headWidth = 64;

const { adapter, runner, runtime } = await openRunner(implementationOf(options.webgpu));
const summary = summarizeAdapter(adapter);

/** Attention with each tiling, by its name. */
function kernels(): [name: string, tools: AttentionTools][] {
  const byThreads = Object.entries(ATTENTION_TILINGS)
    .map(([name, tiling]): [string, AttentionTools] => [name, {
      runner,
      attentionTilings: () => tiling,
    }]);
  const found = findMatrixUnits(summary, adapter.info);
  const memory = summary.limits.maxComputeWorkgroupStorageSize;
  const attentionTilings = attentionTilingChoice(summary);
  const unitsOf = (names: AttentionUnitsName[]) => ({ ...found!, memory, names });
  const onUnits = found === null ? [] : tilingsThatFit(unitsOf([]), summary.limits, headWidth).map((
    name,
  ): [string, AttentionTools] => [name, {
    runner,
    attentionTilings,
    attentionUnits: { forward: unitsOf([name]), backward: unitsOf([name]) },
  }]);
  return [...byThreads, ...onUnits]
    .filter(([name]) => names ? names.split(",").includes(name) : !name.startsWith("lanes"));
}

interface Inputs {
  readonly qkv: Tensor;
  readonly bias: Tensor;
  readonly dy: Tensor;
}

/** One forward and backward pass. */
function pass(tools: AttentionTools, { qkv, bias, dy }: Inputs, precision: Precision): Tensor[] {
  const kernel = attentionKernel(tools);
  const common = { qkv, bias, heads: bias.shape[0], scale: headWidth ** -0.5, precision };
  const { y, saved } = kernel.forward(common);
  const { dqkv, dbias } = kernel.backward({ ...common, y, saved, dy });
  tf.dispose(saved);
  return [y, dqkv, dbias!];
}

/** Milliseconds of each kernel. */
async function time(run: () => Tensor[]): Promise<Record<string, number>> {
  await warmUp(runtime, () => tf.dispose(run()));
  runtime.profiler = new KernelProfiler(runtime.device);
  const { profiler } = runtime;
  for (let round = 0; round < rounds; round++) tf.dispose(run());
  runtime.profiler = null;
  runtime.flush();
  const times: Record<string, number[]> = {};
  for (const { name, seconds } of await profiler.finish()) {
    (times[name] ??= []).push(seconds * 1000);
  }
  return Object.fromEntries(
    Object.entries(times).map((
      [name, each],
    ) => [name.replace("_units", "").replace("attention_", ""), median(each)]),
  );
}

async function read(tensors: Tensor[]): Promise<Float32Array[]> {
  const values = await Promise.all(tensors.map((tensor) => tensor.data<"float32">()));
  tf.dispose(tensors);
  return values;
}

function draw(shape: number[]): Tensor {
  const random = Generator.from(shape.length);
  const few = Float32Array.from({ length: 9973 }, () => random.normal());
  const values = new Float32Array(tf.util.sizeFromShape(shape));
  for (let i = 0; i < values.length; i++) values[i] = few[i % few.length];
  return tf.tensor(values, shape);
}

function inputsOf(samples: number, heads: number, precision: Precision): Inputs {
  const width = heads * headWidth;
  const inputs = {
    qkv: draw([samples, tokens, 3 * width]),
    bias: draw([heads, tokens, tokens]),
    dy: draw([samples, tokens, width]),
  };
  if (precision === "float16") {
    for (const each of [inputs.qkv, inputs.dy]) runtime.demote(each, (a, b) => runner.narrow(a, b));
  }
  return inputs;
}

const results = [];
for (const heads of [6, 12]) {
  for (const precision of ["float32", "float16"] as const) {
    const inputs = inputsOf(samples, heads, precision);
    const few = inputsOf(Math.min(samples, 2), heads, precision);
    let expected: Float32Array[] | null = null;
    for (const [name, tools] of kernels()) {
      const isOnUnits = Object.hasOwn(ATTENTION_UNITS, name);
      if (isOnUnits && precision === "float32") continue;
      const values = await read(pass(tools, few, precision));
      expected ??= values;
      const differences = values.map((each, i) => relativeError(each, expected![i]));
      const milliseconds = await time(() => pass(tools, inputs, precision));
      const teraflop = 2 * samples * heads * tokens ** 2 * headWidth / 1e12;
      const { attention: forward, ...backward } = milliseconds;
      const total = Object.values(backward).reduce((sum, each) => sum + each, 0);
      const rate = (products: number, time: number) => products * teraflop / time * 1000;
      results.push({
        heads,
        precision,
        tiling: name,
        milliseconds,
        teraflops: { forward: rate(2, forward), backward: rate(5, total) },
        total: forward + total,
        differences,
      });
      console.log(JSON.stringify(results.at(-1)));
      const tolerance = precision === "float32" ? 1e-5 : isOnUnits ? 4e-3 : 2e-3;
      if (!differences.every((each) => each <= tolerance)) throw new Error("The results differ");
    }
    tf.dispose([Object.values(inputs), Object.values(few)]);
  }
}
const own = options.webgpu === "deno" ? "" : `_${options.webgpu}`;
await keep(`webgpu_attention${own}`, { adapter: summary.description, results });
runtime.dispose();
