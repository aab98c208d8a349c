import assert from "node:assert/strict";
import { tf } from "../../../deps/tfjs.ts";
import type { Context } from "../../../backends/backend.ts";
import { Generator } from "../../../core/generator.ts";
import { initialisePlain } from "../../../models/initialise.ts";
import { Codebook, codebookSpecs } from "../../../models/layers/codebook.ts";
import { ParameterSet } from "../../../models/parameter_set.ts";
import { onReference, valuesOf } from "../_tiny.ts";

function create(on: Context) {
  const specs = codebookSpecs("quantize", 12, 4);
  const parameters = ParameterSet.create(on, specs, initialisePlain(Generator.from(1)));
  return { parameters, codebook: new Codebook(parameters.scope("quantize"), 0.9) };
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
    const { codebook, parameters } = create(on);
    assert.equal(await codebook.isInitialised(), false);
    on.backend.run(() => {
      tf.tidy(() => codebook.initialise(on, clusters(400, 4, 2), Generator.from(3)));
    });
    assert.equal(await codebook.isInitialised(), true);
    const worst = await valuesOf(on, () => {
      const book = codebook.vectors;
      const nearest = tf.max(tf.matMul(clusters(400, 4, 2), book as never, false, true), 1);
      return tf.stack([tf.min(nearest), tf.max(tf.abs(tf.sub(tf.norm(book, 2, 1), 1)))]);
    });
    assert.ok(worst[0] > 0.98, `${worst[0]}`);
    assert.ok(worst[1] < 1e-6);
    parameters.dispose();
  });
});

Deno.test("fewer samples than codes still start the codebook", async () => {
  await onReference(async (on) => {
    const { codebook, parameters } = create(on);
    on.backend.run(() => {
      tf.tidy(() => codebook.initialise(on, clusters(5, 5, 2), Generator.from(3)));
    });
    const lengths = await valuesOf(on, () => {
      return tf.norm(codebook.vectors, 2, 1);
    });
    for (const length of lengths) assert.ok(Math.abs(length - 1) < 1e-6);
    parameters.dispose();
  });
});

Deno.test("idle codes are counted, restarted on samples of the batch, and then young again", async () => {
  await onReference(async (on) => {
    const { codebook, parameters } = create(on);
    const generator = Generator.from(4);
    const update = (isRestarting: boolean) =>
      on.backend.run(() =>
        tf.tidy(() => {
          const z = clusters(40, 1, 5);
          const ids = tf.tensor1d(new Int32Array(40).fill(3), "int32");
          const restart = isRestarting ? { idleSteps: 3, z, generator } : undefined;
          codebook.update(on, codebook.statistics(on, z, ids), restart);
        })
      );
    const idle = () => valuesOf(on, () => tf.clone(parameters.value("quantize.idle_steps")));
    update(false);
    update(false);
    assert.deepEqual([...await idle()], Array.from({ length: 12 }, (_, id) => id === 3 ? 0 : 2));
    update(true);
    assert.deepEqual([...await idle()], new Array(12).fill(0));
    const nearest = await valuesOf(on, () => {
      const book = codebook.vectors;
      return tf.max(tf.matMul(book as never, clusters(40, 1, 5), false, true), 1);
    });
    for (const [id, cosine] of nearest.entries()) {
      assert.equal(cosine > 0.999, id !== 3, `code ${id} is at a cosine of ${cosine}`);
    }
    parameters.dispose();
  });
});
