import assert from "node:assert/strict";
import { tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import { Tape } from "../../backends/tfjs/tape.ts";
import { UserError } from "../../core/errors.ts";
import { Generator } from "../../core/generator.ts";
import { initialisePlain } from "../../models/initialise.ts";
import { countTrainable } from "../../models/parameter_set.ts";
import { vqkdBase, type VqkdConfig } from "../../models/vqkd_config.ts";
import { vqkdSpecs, VqkdTokenizer } from "../../models/vqkd_tokenizer.ts";
import { keysOf, referenceKeys } from "./_reference_keys.ts";
import { noiseImages, onReference, valuesOf } from "./_tiny.ts";

const config: VqkdConfig = {
  imageSize: 16,
  patchSize: 4,
  embedDim: 16,
  depth: 1,
  heads: 2,
  mlpRatio: 4,
  decoderDepth: 1,
  codes: 12,
  codeDim: 4,
  teacherDim: 6,
  decay: 0.9,
  quantizationWeight: 1,
};

function create(on: Context, change: Partial<VqkdConfig> = {}): VqkdTokenizer {
  const initialise = initialisePlain(Generator.from(1));
  return VqkdTokenizer.create(on, { ...config, ...change }, initialise);
}

Deno.test("the quantisation loss pulls z, the reconstruction reaches the encoder", async () => {
  await onReference(async (on) => {
    const tokenizer = create(on);
    const names = ["encoder.patch_embed.proj.weight", "decode_task_layer.2.weight"];
    const values = () => names.map((name) => tokenizer.parameters.value(name));
    const norms = await valuesOf(on, () => {
      const images = noiseImages(2, 16);
      const targets = tf.reshape(tf.slice(noiseImages(2, 8, 3), 0, 1), [2, 16, 6]);
      const norm = (pick: "reconstructionLoss" | "quantizationLoss") => {
        const tape = Tape.open();
        try {
          const output = tokenizer.forward(on, images, targets);
          return tape.gradients(output[pick], values()).map((gradient) => tf.norm(gradient));
        } finally {
          tape.close();
        }
      };
      return tf.stack([...norm("reconstructionLoss"), ...norm("quantizationLoss")]);
    });
    assert.ok(norms[0] > 0 && norms[1] > 0 && norms[2] > 0);
    assert.equal(norms[3], 0);
    tokenizer.dispose();
  });
});

Deno.test("encoding leaves tape and codebook alone", async () => {
  await onReference(async (on) => {
    const tokenizer = create(on);
    const before = (await tokenizer.parameters.export()).get("quantize.embedding.weight");
    const held = on.backend.memory().tensors;
    on.backend.run(() =>
      tf.tidy(() => {
        const tape = Tape.open();
        const images = noiseImages(2, 16);
        const inside = on.backend.memory().tensors;
        const ids = tokenizer.encode(on, images);
        assert.equal(ids.dtype, "int32");
        assert.deepEqual(ids.shape, [32]);
        assert.equal(on.backend.memory().tensors, inside + 1, "activations are kept");
        tape.close();
      })
    );
    assert.equal(on.backend.memory().tensors, held);
    const after = (await tokenizer.parameters.export()).get("quantize.embedding.weight");
    assert.deepEqual(after, before);
    tokenizer.dispose();
  });
});

Deno.test("a tokenizer without a decoder encodes, and refuses to train", async () => {
  await onReference((on) => {
    const tokenizer = create(on, { decoderDepth: 0, teacherDim: 0 });
    assert.ok(!tokenizer.parameters.names.some((name) => name.startsWith("decode")));
    on.backend.run(() =>
      tf.tidy(() => {
        const images = noiseImages(1, 16);
        assert.deepEqual(tokenizer.encode(on, images).shape, [16]);
        assert.throws(() => tokenizer.forward(on, images, tf.zeros([1, 16, 6])), UserError);
      })
    );
    tokenizer.dispose();
  });
});

Deno.test("configs that no tokenizer fits are refused", async () => {
  await onReference((on) => {
    assert.throws(() => create(on, { patchSize: 5 }), /patchSize 5 does not divide imageSize 16/);
    assert.throws(() => create(on, { heads: 3 }), /3 heads do not divide its width 16/);
    assert.throws(() => create(on, { decay: 1 }), /decay must be in \[0, 1\), found 1/);
    assert.throws(() => create(on, { codes: 0 }), /codes must be an integer of at least 1/);
  });
});

Deno.test("the published tokenizer has the names and shapes of the reference", async () => {
  const unused = ["quantize.embedding.cluster_size", "quantize.embedding.embed_avg"];
  const reference = (await referenceKeys("unilm_vqkd_3x768x12_clip"))
    .filter(([key]) => !unused.includes(key));
  const ours = keysOf(vqkdSpecs(vqkdBase)).filter(([key]) => key !== "quantize.idle_steps");
  assert.deepEqual(new Map(ours), new Map(reference));
  // unilm counts 109.36 million, with the codebook and the two unused buffers.
  const withCodebook = countTrainable(vqkdSpecs(vqkdBase)) + 8192 * (2 * 32 + 1);
  assert.equal((withCodebook / 1e6).toFixed(2), "109.36");
});
