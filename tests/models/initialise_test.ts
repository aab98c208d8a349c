import assert from "node:assert/strict";
import { Generator } from "../../core/generator.ts";
import { type BeitConfig, type InitVariant, vitBase } from "../../models/beit_config.ts";
import { initialiseBeit, initialisePlain } from "../../models/initialise.ts";
import { maskedImageModelSpecs } from "../../models/masked_image_model.ts";
import { vqkdBase } from "../../models/vqkd_config.ts";
import { vqkdSpecs } from "../../models/vqkd_tokenizer.ts";

const config: BeitConfig = {
  ...vitBase,
  imageSize: 32,
  patchSize: 8,
  embedDim: 128,
  depth: 4,
  heads: 4,
  earlyLayers: 3,
  headLayers: 2,
  codes: 512,
};

interface Moments {
  deviation: number;
  largest: number;
}

function moments(values: Float32Array): Moments {
  let sum = 0, squares = 0, largest = 0;
  for (const value of values) {
    sum += value;
    squares += value * value;
    largest = Math.max(largest, Math.abs(value));
  }
  const mean = sum / values.length;
  return { deviation: Math.sqrt(squares / values.length - mean * mean), largest };
}

function statistics(variant: InitVariant, change: Partial<BeitConfig> = {}) {
  const full = { ...config, ...change, initVariant: variant };
  const initialise = initialiseBeit(full, Generator.from(1));
  const specs = new Map(maskedImageModelSpecs(full).map((spec) => [spec.name, spec]));
  return (name: string) => moments(initialise(specs.get(name)!));
}

function near(found: number, expected: number, relative = 0.03): void {
  assert.ok(Math.abs(found - expected) <= relative * expected, `${found}, expected ${expected}`);
}

/** Deviation of N(0, 0.02²) cut at one deviation. */
const cutDeviation = 0.01079;

Deno.test("unilm: cut at one deviation, shrunk with depth; aggregation as PyTorch's default", () => {
  const of = statistics("unilm");
  near(of("blocks.0.attn.qkv.weight").deviation, cutDeviation);
  assert.ok(of("blocks.0.attn.qkv.weight").largest <= 0.02);
  near(of("patch_embed.proj.weight").deviation, cutDeviation);
  near(of("lm_head.weight").deviation, cutDeviation);
  near(of("blocks.3.mlp.fc2.weight").deviation, cutDeviation / Math.sqrt(8));
  near(of("blocks.3.mlp.fc1.weight").deviation, cutDeviation);
  const torch = (inputs: number) => 1 / Math.sqrt(3 * inputs);
  near(of("cls_pt_layers.0.attn.qkv.weight").deviation, torch(128));
  near(of("cls_pt_layers.1.mlp.fc2.weight").deviation, torch(512) / Math.sqrt(2 * 5));
  assert.ok(of("cls_pt_layers.0.mlp.fc1.bias").largest > 0);
  assert.equal(of("blocks.0.mlp.fc1.bias").largest, 0);
  assert.equal(of("cls_pt_layers.0.attn.q_bias").largest, 0);
});

Deno.test("mmselfsup: Xavier MLPs in the backbone, no shrinking in the neck", () => {
  const of = statistics("mmselfsup");
  near(of("blocks.0.attn.qkv.weight").deviation, 0.02);
  near(of("blocks.1.attn.proj.weight").deviation, 0.02 / 2);
  const xavier = Math.sqrt(6 / (5 * 128)) / Math.sqrt(3);
  near(of("blocks.0.mlp.fc1.weight").deviation, xavier);
  near(of("blocks.1.mlp.fc2.weight").deviation, xavier / 2);
  near(of("blocks.0.mlp.fc1.bias").deviation, 1e-6, 0.2);
  near(of("cls_pt_layers.0.mlp.fc2.weight").deviation, 0.02);
  assert.equal(of("cls_pt_layers.0.mlp.fc2.bias").largest, 0);
  near(of("lm_head.weight").deviation, 0.02);
});

Deno.test("xavier: every matrix by its fans, shrunk with depth in both parts", () => {
  const of = statistics("xavier");
  const bound = (outputs: number, inputs: number) => Math.sqrt(6 / (outputs + inputs));
  near(of("blocks.0.attn.qkv.weight").largest, bound(384, 128));
  near(of("patch_embed.proj.weight").largest, bound(128, 192));
  near(of("cls_pt_layers.0.attn.proj.weight").largest, bound(128, 128) / Math.sqrt(2 * 4));
  assert.equal(of("cls_pt_layers.0.mlp.fc1.bias").largest, 0);
});

Deno.test("every variant: norms 1 and 0, position tables 0, layer scale at its value", () => {
  for (const variant of ["unilm", "mmselfsup", "xavier"] as const) {
    const initialise = initialiseBeit({ ...config, initVariant: variant }, Generator.from(0));
    const specs = maskedImageModelSpecs({ ...config, hasInputNorm: true });
    const all = (name: string, value: number) => {
      const spec = specs.find((spec) => spec.name === name)!;
      assert.ok(initialise(spec).every((found) => found === Math.fround(value)), name);
    };
    all("norm.weight", 1);
    all("norm_pre.weight", 1);
    all("norm_pre.bias", 0);
    all("blocks.0.norm1.bias", 0);
    all("blocks.0.gamma_1", 0.1);
    all("rel_pos_bias.relative_position_bias_table", 0);
  }
});

Deno.test("sines in two axes for the positions, where asked for", () => {
  const change = { usesAbsolutePositions: true, sincosAmplitude: 0.5 };
  const { largest, deviation } = statistics("xavier", change)("pos_embed");
  assert.equal(largest, 0.5);
  assert.ok(deviation > 0.2);
  near(statistics("xavier", { usesAbsolutePositions: true })("pos_embed").deviation, 0.02, 0.05);
});

Deno.test("a parameter's values depend on the seed and its name alone", () => {
  const [cls, spec] = maskedImageModelSpecs(config).filter(({ name }) =>
    ["cls_token", "blocks.1.mlp.fc1.weight"].includes(name)
  );
  const first = initialiseBeit(config, Generator.from(5));
  first(cls);
  assert.deepEqual(first(spec), initialiseBeit(config, Generator.from(5))(spec));
  assert.notDeepEqual(first(spec), initialiseBeit(config, Generator.from(6))(spec));
});

Deno.test("plain ViT: truncated normal matrices, PyTorch's patch embedding, below any prefix", () => {
  const sizes = { imageSize: 32, patchSize: 8, embedDim: 128, depth: 2, heads: 4 };
  const specs = vqkdSpecs({ ...vqkdBase, ...sizes, codes: 8, codeDim: 16 });
  const initialise = initialisePlain(Generator.from(1));
  const valuesOf = (name: string) => initialise(specs.find((spec) => spec.name === name)!);
  const of = (name: string) => moments(valuesOf(name));
  near(of("encoder.blocks.0.attn.qkv.weight").deviation, 0.02);
  near(of("decoder.blocks.1.attn.proj.weight").deviation, 0.02 / 2);
  near(of("encoder.patch_embed.proj.weight").largest, 1 / Math.sqrt(192));
  near(of("decoder.patch_embed.proj.bias").largest, 1 / 4);
  assert.equal(of("encode_task_layer.0.bias").largest, 0);
  near(of("encode_task_layer.0.weight").deviation, 0.02);
  assert.ok(valuesOf("encoder.fc_norm.weight").every((value) => value === 1));
  assert.equal(of("quantize.cluster_size").largest, 0);
  assert.equal(of("quantize.embedding.initted").largest, 0);
});

Deno.test("what declares nothing is a token where it has more than one axis, else zero", () => {
  const initialise = initialiseBeit({ initVariant: "xavier" }, Generator.from(1));
  near(moments(initialise({ name: "norm.weight", shape: [1, 4096] })).deviation, 0.02);
  assert.deepEqual([...initialise({ name: "norm.weight", shape: [2] })], [0, 0]);
});
