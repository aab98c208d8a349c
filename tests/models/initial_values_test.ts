/** Every initial value of every kind of model, by a hash that an earlier version of mimic gave. */
import assert from "node:assert/strict";
import { Generator } from "../../core/generator.ts";
import { type BeitConfig, type InitVariant, vitBase } from "../../models/beit_config.ts";
import { classifierConfig, classifierSpecs } from "../../models/classifier.ts";
import { initialiseBeit, initialisePlain } from "../../models/initialise.ts";
import { LinearProbes } from "../../models/linear_probes.ts";
import { affineSpecs } from "../../models/layers/affine.ts";
import { encoderSpecs } from "../../models/beit_encoder.ts";
import { maskedImageModelSpecs } from "../../models/masked_image_model.ts";
import type { Initialise, ParameterSpec } from "../../models/parameter_set.ts";
import { segmenterSpecs } from "../../models/segmentation/segmenter.ts";
import type { SegmenterConfig } from "../../models/segmentation/segmenter_config.ts";
import { vqkdBase } from "../../models/vqkd_config.ts";
import { vqkdSpecs } from "../../models/vqkd_tokenizer.ts";
import { resolveConfig } from "../../methods/configs.ts";
import { startClassifier } from "../../methods/classify/model.ts";
import { OwnStages } from "../../pipeline/engine/own_stages.ts";
import { onReference } from "./_tiny.ts";

const config: BeitConfig = {
  ...vitBase,
  imageSize: 16,
  patchSize: 4,
  embedDim: 16,
  depth: 3,
  heads: 2,
  earlyLayers: 2,
  headLayers: 2,
  codes: 32,
};
const seeded = () => Generator.from(11).split("model");

/** SHA-256 of names, shapes and values in order, its first 16 digits. */
async function hash(
  values: Iterable<{ name: string; shape: readonly number[]; values: Float32Array }>,
): Promise<string> {
  const parts = [...values].map(({ name, shape, values }) => {
    const head = new TextEncoder().encode(`${name} ${shape.join()}\n`);
    return [head, new Uint8Array(values.buffer, values.byteOffset, values.byteLength)];
  }).flat();
  const bytes = new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function hashOf(specs: readonly ParameterSpec[], initialise: Initialise): Promise<string> {
  for (const spec of specs) assert.ok(spec.initialise, `${spec.name} declares no initial values`);
  return await hash(specs.map((spec) => ({ ...spec, values: initialise(spec) })));
}

function ofBeit(
  specs: (config: BeitConfig) => readonly ParameterSpec[],
  initVariant: InitVariant,
  change: Partial<BeitConfig> = {},
): Promise<string> {
  const whole = { ...config, ...change, initVariant };
  return hashOf(specs(whole), initialiseBeit(whole, seeded()));
}

/** What the variants of {@link BeitConfig} may differ in besides: positions, biases, tables. */
const otherTraits: Partial<BeitConfig> = {
  usesSharedRelativePositionBias: false,
  usesRelativePositionBias: true,
  usesAbsolutePositions: true,
  attentionBias: "qkv",
};

/** As `examples/simmim.ts` puts a model together. */
function ownSpecs(config: BeitConfig): ParameterSpec[] {
  return [
    ...encoderSpecs(config, { hasMaskToken: true }),
    ...affineSpecs("norm", [16]),
    ...affineSpecs("pixel_head", [48, 16]),
  ];
}

const segmenter: SegmenterConfig = {
  encoder: encoderForSegmenter(),
  head: "upernet",
  classes: 3,
  channels: 8,
  outBlocks: [0, 1, 1, 2],
  poolScales: [1, 2],
  dropout: 0.1,
  auxiliaryWeight: 0.4,
  auxiliaryChannels: 4,
};

function encoderForSegmenter(): BeitConfig {
  const { classes: _, ...encoder } = classifierConfig(config, 3);
  return { ...encoder, earlyLayers: 0, headLayers: 0, codes: 1 };
}

function ofSegmenter(initVariant: InitVariant, change: Partial<SegmenterConfig> = {}) {
  const whole = { ...segmenter, ...change, encoder: { ...segmenter.encoder, initVariant } };
  return hashOf(segmenterSpecs(whole), initialiseBeit(whole.encoder, seeded()));
}

function ofTokenizer(xavier: boolean, decoderDepth: number): Promise<string> {
  const sizes = { imageSize: 16, patchSize: 4, embedDim: 16, depth: 2, heads: 2, teacherDim: 6 };
  const whole = { ...vqkdBase, ...sizes, decoderDepth, codes: 12, codeDim: 4 };
  return hashOf(vqkdSpecs(whole), initialisePlain(seeded(), { xavier }));
}

async function ofFineTuning(initVariant: InitVariant, headInitScale: number): Promise<string> {
  const sizes = "imageSize=16 patchSize=4 embedDim=16 depth=2 heads=2".split(" ");
  const { config } = await resolveConfig({
    task: "finetune",
    overrides: [
      ...sizes.map((size) => `model.${size}`),
      `model.initVariant=${initVariant}`,
      `model.headInitScale=${headInitScale}`,
    ],
  });
  const { shape, initialise } = await startClassifier({ ...config, pretrained: null }, 3, () => {});
  return await hashOf(classifierSpecs(shape), initialise);
}

const variants = ["unilm", "mmselfsup", "xavier"] as const;
const golden: Readonly<Record<string, readonly string[]>> = {
  "pretraining": ["61a12fd3421695ce", "60d737f96e872a08", "aea1818ce7960745"],
  "pretraining, other traits": ["f44e3fd0b059704a", "e8235e3b473c6c37", "73259635a80837c5"],
  "pretraining, sines": ["f5aa7cede59ffc1c", "591d48583da8a9fa", "b3d16a90ace09e5e"],
  "pretraining, no layer scale": ["d8678ca46bf69e66", "31fe4f8399dae3e2", "566a13c78f7c4558"],
  "classifier": ["6928084a655db807", "6f933f6ea660d6cd", "9da11ff8e7535a86"],
  "classifier, cls and mean": ["887a15e26279355f", "afe521e21dc57013", "4b1d5e251d296502"],
  "encoder": ["86b5fc36dea23fdb", "70dc98343b7ce727", "311ffa779bebec86"],
  "a model of the user's": ["8535abb535b9e4e3", "44170001d509d9e6", "c8004a049fbf3bfb"],
  "fine-tuning": [
    "645eea5528835629",
    "5676534f54e47320",
    "c9f286acf6c08a5f",
    "8e028e127cdd3d37",
    "6f1cfb0c2daea2e3",
    "e5a08a4107ffe984",
  ],
  "tokenizer": ["d3f8423cdabc9ea5", "2a1e39c2a2611a9a", "9503f2fd80719ab2"],
  "UPerNet": ["92bafd726fcc93cc", "4d4812ab5e35b291", "f76a582fe5bd5589"],
  "linear head": ["e0dec5914ef50dfe", "d24c1388bcbd19ed", "9a83ae09fbce9dd5"],
  "probes": ["5a903636a7f58f33"],
  "stage": ["bc0f603359f1feef"],
};

async function compare(kind: string, hashes: readonly Promise<string>[]): Promise<void> {
  assert.deepEqual(await Promise.all(hashes), golden[kind]);
}

Deno.test("pretraining starts as it always did, in all variants", async () => {
  const of = (change?: Partial<BeitConfig>) =>
    variants.map((variant) => ofBeit(maskedImageModelSpecs, variant, change));
  await compare("pretraining", of());
  await compare("pretraining, other traits", of(otherTraits));
  await compare("pretraining, sines", of({ ...otherTraits, sincosAmplitude: 0.5 }));
  await compare("pretraining, no layer scale", of({ layerScaleInitValue: 0, headLayers: 0 }));
});

Deno.test("classifiers and encoders start as they always did", async () => {
  const change = classifierConfig(config, 5);
  const of = (specs: (config: BeitConfig) => readonly ParameterSpec[], more = {}) =>
    variants.map((variant) => ofBeit(specs, variant, { ...change, ...more }));
  await compare("classifier", of(classifierSpecs));
  await compare("classifier, cls and mean", of(classifierSpecs, { pooling: "clsAndMean" }));
  await compare("encoder", of((config) => encoderSpecs(config, { hasMaskToken: false })));
  await compare("a model of the user's", variants.map((variant) => ofBeit(ownSpecs, variant)));
  await compare("fine-tuning", [
    ...variants.map((variant) => ofFineTuning(variant, 1)),
    ...variants.map((variant) => ofFineTuning(variant, 0.001)),
  ]);
});

Deno.test("tokenizers and segmenters start as they always did", async () => {
  await compare("tokenizer", [ofTokenizer(false, 2), ofTokenizer(true, 2), ofTokenizer(true, 0)]);
  await compare("UPerNet", variants.map((variant) => ofSegmenter(variant)));
  await compare("linear head", variants.map((variant) => ofSegmenter(variant, { head: "linear" })));
});

Deno.test("probes and the stages of the user's start as they always did", async () => {
  await onReference(async (on) => {
    const probes = LinearProbes.create(on, {
      places: [{ layer: 1, token: "cls" }, { layer: 2, token: "clsAndMean" }],
      ...{ embedDim: 8, classes: 3, batchNorm: true, initDeviation: 0.02 },
    }, seeded());
    const stage = {
      name: "own",
      parameters: [
        ...affineSpecs("head", [3, 8]),
        ...affineSpecs("conv", [4, 3, 2, 2]),
        ...affineSpecs("norm", [8]),
        { name: "query", shape: [1, 8] },
        { name: "offset", shape: [8] },
      ],
      run: (input: unknown) => input,
    };
    const own = OwnStages.create(on, { loss: stage }, {}, ["loss"], seeded());
    for (const [kind, set] of [["probes", probes.parameters], ["stage", own.parameters]] as const) {
      const values = [...await set.export()].map(([name, value]) => ({ name, ...value }));
      await compare(kind, [hash(values)]);
      set.dispose();
    }
  });
});
