/** A tiny tokenizer, tiny configs and runs of a second for the tests of tasks. */
import { writeSafetensors } from "../../checkpoints/safetensors/safetensors_writer.ts";
import { resolveConfig } from "../../methods/configs.ts";
import type { PretrainConfig } from "../../methods/beit/config.ts";
import { createBackend } from "../../backends/mod.ts";
import type { Backend } from "../../backends/backend.ts";
import { Generator } from "../../core/generator.ts";
import { initialisePlain } from "../../models/initialise.ts";
import type { VqkdConfig } from "../../models/vqkd_config.ts";
import { VqkdTokenizer } from "../../models/vqkd_tokenizer.ts";
import { toTensors } from "../../pipeline/weights/model_tensors.ts";

const tokenizerShape: VqkdConfig = {
  imageSize: 16,
  patchSize: 4,
  embedDim: 16,
  depth: 1,
  heads: 2,
  mlpRatio: 2,
  decoderDepth: 0,
  codes: 32,
  codeDim: 4,
  teacherDim: 0,
  decay: 0.99,
  quantizationWeight: 1,
};

/** Writes a tokenizer with random weights for images of 16 px; gives its path. */
export async function writeTinyTokenizer(
  folder: string,
  shape: Partial<VqkdConfig> = {},
): Promise<string> {
  const { backend } = await createBackend("reference");
  const config = { ...tokenizerShape, ...shape };
  const initialise = initialisePlain(Generator.from(5), { xavier: true });
  const tokenizer = VqkdTokenizer.create({ backend, precision: "float32" }, config, initialise);
  const path = `${folder}/tokenizer-${config.imageSize}-${config.codes}.safetensors`;
  await writeSafetensors(path, toTensors(await tokenizer.parameters.export()), {
    "mimic.shape": JSON.stringify(config),
  });
  tokenizer.dispose();
  await backend.dispose();
  return path;
}

/** What makes the quick start a model of a few thousand parameters that trains in a second. */
export function tinyOverrides(tokenizer: string): string[] {
  return [
    `tokenizer.checkpoint=${tokenizer}`,
    "model.imageSize=16",
    "model.embedDim=16",
    "model.depth=3",
    "model.heads=2",
    "model.mlpRatio=2",
    "model.earlyLayers=2",
    "model.headLayers=1",
    "model.codes=32",
    "mask.ratio=0.4",
    "mask.minBlock=2",
    "batchSize=4",
    "schedule.steps=12",
    "checkpoint.everySteps=5",
    "evaluation.knn.atEnd=false",
    "evaluation.linear.atEnd=false",
    "data.workers=0",
    "data.cacheBytes=0",
    "backend.name=cpu",
    "backend.threads=1",
  ];
}

/** A tiny pretraining config on the bundled pictures. */
export async function tinyConfig(
  tokenizer: string,
  overrides: readonly string[] = [],
): Promise<PretrainConfig> {
  const { config } = await resolveConfig({
    task: "pretrain",
    overrides: [...tinyOverrides(tokenizer), ...overrides],
  });
  return config;
}

/** Runs `work` with a temporary folder and a small backend, and removes both after. */
export async function withFolder<T>(
  work: (folder: string, backend: Backend) => Promise<T>,
): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "mimic-test-" });
  const { backend } = await createBackend("cpu", { threads: 1 });
  try {
    return await work(folder, backend);
  } finally {
    await backend.dispose();
    await Deno.remove(folder, { recursive: true });
  }
}
