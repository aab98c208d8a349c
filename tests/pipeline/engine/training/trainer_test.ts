/** What a run tells about its steps, however late their numbers are read. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Backend } from "../../../../backends/backend.ts";
import { createBackend } from "../../../../backends/mod.ts";
import { type Tensor, tf } from "../../../../deps/tfjs.ts";
import { pretrain } from "../../../../methods/beit/method.ts";
import type { encode } from "../../../../pipeline/encode.ts";
import { DivergenceError } from "../../../../pipeline/engine/training/divergence.ts";
import { tinyConfig, withFolder, writeTinyTokenizer } from "../../../tasks/_tiny.ts";

/** The same backend, whose numbers are not at hand: steps share reads. */
function asDevice(backend: Backend): Backend {
  return {
    name: backend.name,
    capabilities: { ...backend.capabilities, isHostMemory: false },
    kernels: backend.kernels,
    run: (work) => backend.run(work),
    sync: () => backend.sync(),
    memory: () => backend.memory(),
    dispose: () => backend.dispose(),
  };
}

/** `encode` for a model without images: a parameter's worth of numbers, not finite in some steps. */
function spoiled(isBad: (step: number) => boolean, ran: number[]): ReturnType<typeof encode> {
  return {
    name: "encode",
    run: ({ tokens }, { step }) => {
      ran.push(step + 1);
      return {
        patches: tf.mul(tf.ones([2, 16]), isBad(step + 1) ? NaN : 1) as Tensor,
        aggregated: null,
        positions: Int32Array.of(0, 1),
        targets: tf.slice(tokens, 0, 2),
      };
    },
  };
}

/** Runs until the end; whatever can be seen of it. */
async function follow(
  isDevice: boolean,
  overrides: readonly string[],
  isBad: (step: number) => boolean,
) {
  return await withFolder(async (folder) => {
    const { backend } = await createBackend("reference");
    const config = await tinyConfig(await writeTinyTokenizer(folder), [
      ...["schedule.steps=40", "checkpoint.everySteps=40"],
      ...overrides,
    ]);
    const [ran, steps]: [number[], object[]] = [[], []];
    const failure = await pretrain(config, {
      backend: isDevice ? asDevice(backend) : backend,
      directory: `${folder}/run`,
      stages: { encode: spoiled(isBad, ran) },
      listener: (event) => {
        if (event.type !== "step") return;
        const { stepTime: _, dataTime: _1, imagesPerSecond: _2, stages: _3, ...numbers } =
          event.metrics;
        steps.push(numbers);
      },
    }).then(() => null, (error) => error);
    const bundle = failure instanceof DivergenceError ? failure.bundle : null;
    const parameters = bundle && readFileSync(`${bundle}/parameters.safetensors`);
    await backend.dispose();
    return { message: failure?.message.replaceAll(folder, "") ?? null, steps, parameters, ran };
  });
}

Deno.test("a run's numbers are the same, and in the same order, when steps share reads", async () => {
  const [early, late] = [await follow(false, [], () => false), await follow(true, [], () => false)];
  assert.equal(early.message, null);
  assert.equal(late.steps.length, 40);
  assert.deepEqual(late, early);
});

Deno.test("a float32 run ends at its first bad step, with the parameters of before it", async () => {
  const precision = ["precision=float32"];
  const isBad = (step: number) => step === 7;
  const { ran: _, ...early } = await follow(false, precision, isBad);
  const { ran, ...late } = await follow(true, precision, isBad);
  assert.match(late.message!, /^Step 7 is not finite/);
  assert.equal(late.steps.length, 7);
  assert.deepEqual(late, early);
  // Steps were submitted before that was known, though no more than two reads' worth.
  assert.ok(ran.includes(8) && !ran.includes(16), `${ran}`);
});

Deno.test("an AMP run ends at its tenth lost step, before another is computed", async () => {
  const precision = ["precision=amp"];
  const isBad = (step: number) => step > 2 && step !== 8 && step <= 18;
  const early = await follow(false, precision, isBad);
  const late = await follow(true, precision, isBad);
  assert.match(late.message!, /^10 steps in a row, up to 18, were skipped/);
  assert.equal(Math.max(...late.ran), 18);
  assert.deepEqual(late, early);
});
