/**
 * Continuing from full-size files: a ViT-B/16 with random weights in every format that `convert`
 * writes under the official names, and the losses of the first steps from each.
 *
 *     deno run -A bench/continued_losses.ts [steps 2] [batch 1]
 *
 * @module
 */

import { createBackend } from "../backends/mod.ts";
import { convertCheckpoint } from "../checkpoints/convert.ts";
import { writeSafetensors } from "../checkpoints/safetensors/safetensors_writer.ts";
import { Generator } from "../core/generator.ts";
import { pretrain } from "../methods/beit/method.ts";
import { beitConfig } from "../methods/beit/shape.ts";
import { resolveConfig } from "../methods/configs.ts";
import { initialiseBeit } from "../models/initialise.ts";
import { maskedImageModelSpecs } from "../models/masked_image_model.ts";
import { keep } from "./report.ts";

const [steps = 2, batch = 1] = Deno.args.map(Number);
const folder = await Deno.makeTempDir();
const { backend } = await createBackend("cpu");

async function configFrom(pretrained: string | null) {
  const { config } = await resolveConfig({
    task: "pretrain",
    recipe: "continue",
    overrides: [
      "data.source=sample",
      "data.workers=0",
      `batchSize=${batch}`,
      `schedule.maxSteps=${steps}`,
      "evaluation.knn.atEnd=false",
      "evaluation.linear.atEnd=false",
      `pretrained=${pretrained}`,
    ],
  });
  return config;
}

/** Losses of the first steps, with a tokenizer that stands in for the published one. */
async function losses(pretrained: string | null): Promise<number[]> {
  const found: number[] = [];
  await pretrain(await configFrom(pretrained), {
    backend,
    downloads: { onStandIn() {} },
    listener(event) {
      if (event.type === "step") found.push(event.metrics.loss);
      if (event.type === "note" && /starting from|New:|Not used/.test(event.message)) {
        console.error(event.message);
      }
    },
  });
  return found;
}

try {
  const config = await configFrom(null);
  const shape = beitConfig(config);
  const initialise = initialiseBeit(shape, Generator.from(config.seed).split("model"));
  const ours = `${folder}/ours.safetensors`;
  await writeSafetensors(
    ours,
    maskedImageModelSpecs(shape).map((spec) =>
      [spec.name, {
        dtype: "F32",
        shape: spec.shape,
        read: () => ({ dtype: "F32", shape: spec.shape, data: initialise(spec) } as const),
      }] as const
    ),
    { "mimic.shape": JSON.stringify(shape) },
  );
  const results: Record<string, number[]> = { "the model that was saved": await losses(null) };
  console.error(results);
  const targets = {
    unilm: "unilm.pth",
    mmselfsup: "mmselfsup.pth",
    timm: "timm.safetensors",
    huggingface: "huggingface",
  } as const;
  for (const [to, name] of Object.entries(targets)) {
    const target = `${folder}/${name}`;
    await convertCheckpoint(ours, target, { to: to as keyof typeof targets });
    results[to] = await losses(target);
    console.error(to, results[to]);
    await Deno.remove(target, { recursive: true });
  }
  console.log(JSON.stringify(results, null, 2));
  await keep("continued_losses", { steps, batch, losses: results });
} finally {
  await backend.dispose();
  await Deno.remove(folder, { recursive: true });
}
