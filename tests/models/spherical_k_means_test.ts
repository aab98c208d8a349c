import assert from "node:assert/strict";
import { tf } from "../../deps/tfjs.ts";
import { sphericalKMeans } from "../../models/spherical_k_means.ts";
import { onReference, valuesOf } from "./_tiny.ts";

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
