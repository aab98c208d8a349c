import assert from "node:assert/strict";
import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import { Tape } from "../../backends/tfjs/tape.ts";
import { Generator } from "../../core/generator.ts";
import {
  type MaskedImageModel,
  maskedImageModelSpecs,
  maskedPositions,
} from "../../models/masked_image_model.ts";
import { vitBase } from "../../models/beit_config.ts";
import { countTrainable } from "../../models/parameter_set.ts";
import { Optimizer } from "../../pipeline/optimize/optimizer.ts";
import { parameterGroups } from "../../pipeline/optimize/parameter_groups.ts";
import { keysOf, referenceKeys } from "./_reference_keys.ts";
import { createTiny, noiseImages, onReference, valuesOf } from "./_tiny.ts";

const batch = 4;
/** Every third patch masked. */
const mask = Uint8Array.from({ length: batch * 16 }, (_, row) => row % 3 === 0 ? 1 : 0);

function forward(on: Context, model: MaskedImageModel, images: Tensor, dropPath?: Generator) {
  const rows = maskedPositions(mask);
  const encoded = model.encode(on, images, {
    mask,
    dropPath: dropPath === undefined || dropPath === null
      ? null
      : { generator: dropPath, first: 0 },
  });
  const targets = Int32Array.from(rows, (row) => row * 7 % 32);
  const loss = model.loss(on, {
    ...encoded,
    targets: tf.tensor1d(targets, "int32"),
  });
  return { ...encoded, ...loss };
}

Deno.test("a fresh model guesses evenly: each loss is near ln K", async () => {
  await onReference(async (on) => {
    const model = createTiny(on, { initVariant: "unilm" });
    const losses = await valuesOf(on, () => {
      const { metrics } = forward(on, model, noiseImages(batch, 16));
      return tf.stack([metrics.loss1, metrics.loss2]);
    });
    for (const loss of losses) assert.ok(Math.abs(loss - Math.log(32)) < 0.05, `${loss}`);
    model.dispose();
  });
});

Deno.test("what lies under a mask cannot be seen", async () => {
  await onReference(async (on) => {
    const model = createTiny(on);
    const difference = await valuesOf(on, () => {
      const images = noiseImages(batch, 16);
      // Other pixels in all masked patches, [B, 3, 16, 16] seen as a grid of 4 × 4 patches.
      const grid = tf.reshape(tf.tensor1d(Float32Array.from(mask)), [batch, 1, 4, 1, 4, 1]);
      const pixels = tf.reshape(tf.tile(grid, [1, 3, 1, 4, 1, 4]), [batch, 3, 16, 16]);
      const changed = tf.add(images, tf.mul(pixels, noiseImages(batch, 16, 2)));
      const [a, b] = [images, changed].map((x) => forward(on, model, x));
      return tf.stack([
        tf.max(tf.abs(tf.sub(a.patches, b.patches))),
        tf.max(tf.abs(tf.sub(a.aggregated!, b.aggregated!))),
        tf.max(tf.abs(tf.sub(images, changed))),
      ]);
    });
    assert.ok(difference[0] === 0 && difference[1] === 0 && difference[2] > 1, `${difference}`);
    model.dispose();
  });
});

Deno.test("some steps lower both losses and leave no tensor behind", async () => {
  await onReference(async (on) => {
    const model = createTiny(on);
    const { trainable } = model.parameters;
    const groups = parameterGroups(trainable, { variant: "mmselfsup", weightDecay: 0.05 });
    const optimizer = Optimizer.create(on, trainable, groups, {
      beta1: 0.9,
      beta2: 0.98,
      epsilon: 1e-8,
      maxGradientNorm: 3,
      lossScaling: null,
    });
    const step = () =>
      valuesOf(on, () => {
        const tape = Tape.open();
        try {
          const { loss, metrics } = forward(on, model, noiseImages(batch, 16));
          const gradients = tape.gradients(loss, trainable.map(({ value }) => value));
          optimizer.update(on, gradients, (scale) => 3e-3 * scale);
          return tf.stack([metrics.loss1, metrics.loss2]);
        } finally {
          tape.close();
        }
      });
    const first = await step();
    const held = on.backend.memory().tensors;
    let last = first;
    for (let index = 0; index < 7; index++) {
      last = await step();
      assert.equal(on.backend.memory().tensors, held);
    }
    assert.ok(last[0] < first[0] - 0.5 && last[1] < first[1] - 0.5, `${first} → ${last}`);
    optimizer.dispose();
    model.dispose();
  });
});

Deno.test("drop path: the same draws give the same output, evaluation draws nothing", async () => {
  await onReference(async (on) => {
    const model = createTiny(on, { dropPathRate: 0.5 });
    const run = (generator?: Generator) =>
      valuesOf(on, () => forward(on, model, noiseImages(batch, 16), generator).patches);
    const [a, again, b] = [
      await run(Generator.from(1)),
      await run(Generator.from(1)),
      await run(
        Generator.from(2),
      ),
    ];
    assert.deepEqual(a, again);
    assert.notDeepEqual(a, b);
    assert.deepEqual(await run(), await run());
    assert.notDeepEqual(a, await run());
    model.dispose();
  });
});

for (const earlyLayers of [2, 3]) {
  Deno.test(`patches do not depend on which others are wanted, ${earlyLayers} early layers of 3`, async () => {
    await onReference(async (on) => {
      const model = createTiny(on, { earlyLayers, dropPathRate: 0.5 });
      const everywhere = Int32Array.from(mask, (_, row) => row);
      const difference = await valuesOf(on, () => {
        const encode = (positions?: Int32Array) =>
          model.encode(on, noiseImages(batch, 16), {
            mask,
            positions,
            dropPath: { generator: Generator.from(1), first: 0 },
          });
        const [masked, all] = [encode(), encode(everywhere)];
        const rows = tf.tensor1d(maskedPositions(mask), "int32");
        return tf.stack([
          tf.max(tf.abs(tf.sub(masked.patches, tf.gather(all.patches, rows)))),
          tf.max(tf.abs(tf.sub(masked.aggregated!, tf.gather(all.aggregated!, rows)))),
          tf.mean(tf.abs(masked.aggregated!)),
        ]);
      });
      assert.ok(
        difference[0] < 1e-6 && difference[1] < 1e-6 && difference[2] > 0.1,
        `${difference}`,
      );
      model.dispose();
    });
  });
}

Deno.test("without aggregation there is one loss and no second branch", async () => {
  await onReference((on) => {
    const model = createTiny(on, { headLayers: 0 });
    assert.ok(!model.parameters.names.some((name) => name.startsWith("cls_pt_layers")));
    on.backend.run(() =>
      tf.tidy(() => {
        const { aggregated, metrics } = forward(on, model, noiseImages(batch, 16));
        assert.equal(aggregated, null);
        assert.deepEqual(Object.keys(metrics), ["loss1", "accuracy1"]);
      })
    );
    model.dispose();
  });
});

Deno.test("the aggregation branch reaches the late blocks through the cls token alone", async () => {
  await onReference(async (on) => {
    const model = createTiny(on);
    const last = model.parameters.parameter("blocks.2.mlp.fc2.weight");
    const norms = await valuesOf(on, () => {
      const tape = Tape.open();
      try {
        const { metrics } = forward(on, model, noiseImages(batch, 16));
        const [gradient] = tape.gradients(metrics.loss2, [last.value]);
        return tf.norm(gradient);
      } finally {
        tape.close();
      }
    });
    assert.ok(norms[0] > 0);
    model.dispose();
  });
});

Deno.test("ViT-B/16 has the names, shapes, order and number of parameters of the reference", async () => {
  const specs = maskedImageModelSpecs(vitBase);
  assert.equal(countTrainable(specs), 106_143_056);
  assert.deepEqual(keysOf(specs), await referenceKeys("unilm_pretrain_vitb"));
});
