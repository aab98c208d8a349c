import assert from "node:assert/strict";
import { tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import { Tape } from "../../backends/tfjs/tape.ts";
import { UserError } from "../../core/errors.ts";
import { Generator } from "../../core/generator.ts";
import { initialisePlain } from "../../models/initialise.ts";
import { sphericalKMeans } from "../../models/spherical_k_means.ts";
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

/** Unit rows [rows, 4] around as many directions as given. */
function clusters(rows: number, directions: number, seed: number) {
  const generator = Generator.from(seed);
  const centres = Array.from({ length: directions }, () => {
    return Array.from({ length: 4 }, () => generator.normal());
  });
  const values = Array.from({ length: rows }, (_, row) => {
    const point = centres[row % directions].map((x) => x + generator.normal(0, 0.05));
    return point.map((x) => x / Math.hypot(...point));
  });
  return tf.tensor2d(values);
}

Deno.test("k-means gives every cluster a code, of unit length, and sets the flag", async () => {
  await onReference(async (on) => {
    const tokenizer = create(on);
    assert.equal(await tokenizer.isInitialised(), false);
    on.backend.run(() => {
      tf.tidy(() => tokenizer.initialiseCodebook(on, clusters(400, 4, 2), Generator.from(3)));
    });
    assert.equal(await tokenizer.isInitialised(), true);
    const worst = await valuesOf(on, () => {
      const book = tokenizer.parameters.value("quantize.embedding.weight");
      const nearest = tf.max(tf.matMul(clusters(400, 4, 2), book as never, false, true), 1);
      return tf.stack([tf.min(nearest), tf.max(tf.abs(tf.sub(tf.norm(book, 2, 1), 1)))]);
    });
    assert.ok(worst[0] > 0.98, `${worst[0]}`);
    assert.ok(worst[1] < 1e-6);
    tokenizer.dispose();
  });
});

Deno.test("a mean without members stays where it is", async () => {
  await onReference(async (on) => {
    const means = await valuesOf(on, () => {
      const samples = tf.tensor2d([[1, 0], [0.8, 0.6]]);
      return sphericalKMeans(on, samples, tf.tensor2d([[1, 0], [0, -1]]), 3).means;
    });
    const angle = Math.atan2(means[1], means[0]);
    assert.ok(Math.abs(angle - Math.atan2(0.6, 1.8)) < 1e-6);
    assert.deepEqual([...means.subarray(2)], [0, -1]);
  });
});

Deno.test("fewer samples than codes still start the codebook", async () => {
  await onReference(async (on) => {
    const tokenizer = create(on);
    on.backend.run(() => {
      tf.tidy(() => tokenizer.initialiseCodebook(on, clusters(5, 5, 2), Generator.from(3)));
    });
    const lengths = await valuesOf(on, () => {
      return tf.norm(tokenizer.parameters.value("quantize.embedding.weight"), 2, 1);
    });
    for (const length of lengths) assert.ok(Math.abs(length - 1) < 1e-6);
    tokenizer.dispose();
  });
});

Deno.test("idle codes are counted, restarted on samples of the batch, and then young again", async () => {
  await onReference(async (on) => {
    const tokenizer = create(on);
    const generator = Generator.from(4);
    const update = (isRestarting: boolean) =>
      on.backend.run(() =>
        tf.tidy(() => {
          const z = clusters(40, 1, 5);
          const ids = tf.tensor1d(new Int32Array(40).fill(3), "int32");
          const restart = isRestarting ? { idleSteps: 3, z, generator } : undefined;
          tokenizer.updateCodebook(on, tokenizer.statistics(on, z, ids), restart);
        })
      );
    const idle = () =>
      valuesOf(on, () => tf.clone(tokenizer.parameters.value("quantize.idle_steps")));
    update(false);
    update(false);
    assert.deepEqual([...await idle()], Array.from({ length: 12 }, (_, id) => id === 3 ? 0 : 2));
    update(true);
    assert.deepEqual([...await idle()], new Array(12).fill(0));
    const nearest = await valuesOf(on, () => {
      const book = tokenizer.parameters.value("quantize.embedding.weight");
      return tf.max(tf.matMul(book as never, clusters(40, 1, 5), false, true), 1);
    });
    for (const [id, cosine] of nearest.entries()) {
      assert.equal(cosine > 0.999, id !== 3, `code ${id} is at a cosine of ${cosine}`);
    }
    tokenizer.dispose();
  });
});

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
