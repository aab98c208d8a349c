import assert from "node:assert/strict";
import { valueAndGradients } from "../../backends/value_and_gradients.ts";
import { Parameter } from "../../backends/parameter.ts";
import { tf } from "../../deps/tfjs.ts";
import { onReference, reference } from "./_context.ts";

Deno.test("gradients are scaled, only for trainable parameters, zeros where unreached", () => {
  onReference((on) => {
    const used = new Parameter("used", tf.tensor1d([1, 2]));
    const frozen = new Parameter("frozen", tf.tensor1d([5, 7]), { isTrainable: false });
    const unused = new Parameter("unused", tf.tensor1d([3]));
    const { loss, outputs, gradients } = valueAndGradients(on, [used, frozen, unused], () => {
      const product = tf.mul(used.value, frozen.value);
      return { loss: tf.sum(product), outputs: { product } };
    }, tf.scalar(4));
    assert.equal(loss.dataSync()[0], 19);
    assert.deepEqual([...outputs.product.dataSync()], [5, 14]);
    assert.deepEqual(gradients.map((gradient) => [...gradient.dataSync()]), [[20, 28], [0]]);
  });
});

Deno.test("outside a tidy the results outlive the call, and nothing else does", () => {
  const before = reference.memory().tensors;
  const weight = reference.run(() => new Parameter("weight", tf.tensor1d([2])));
  const on = { backend: reference, precision: "float32" } as const;
  const results = valueAndGradients(on, [weight], () => {
    return { loss: tf.sum(tf.exp(tf.square(weight.value))), outputs: {} };
  });
  assert.equal(reference.memory().tensors, before + 3);
  assert.equal(results.gradients.length, 1);
  tf.dispose([results.loss, ...results.gradients]);
  weight.dispose();
  assert.equal(reference.memory().tensors, before);
});

Deno.test("after a loss that throws, another can be computed", () => {
  onReference((on) => {
    const weight = new Parameter("weight", tf.tensor1d([2]));
    assert.throws(
      () => valueAndGradients(on, [weight], () => assert.fail("on purpose")),
      /purpose/,
    );
    const loss = () => ({ loss: tf.sum(weight.value), outputs: {} });
    const { gradients } = valueAndGradients(on, [weight], loss);
    assert.deepEqual([...gradients[0].dataSync()], [1]);
  });
});
