import assert from "node:assert/strict";
import { type Tensor, tf } from "../../../deps/tfjs.ts";
import { webgpuTest } from "./_backend.ts";
import { assertClose, composition, Samples } from "./_compare.ts";

const EPSILON = 1e-5;

function layerNorm(x: Tensor, weight: Tensor, bias: Tensor): Tensor {
  const centred = tf.sub(x, tf.mean(x, -1, true));
  const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), EPSILON));
  return tf.add(tf.mul(tf.mul(centred, inverse), weight), bias);
}

for (const [rows, width] of [[1, 1], [3, 5], [7, 64], [130, 200], [33, 769]]) {
  webgpuTest(`layer norm of [${rows}, ${width}] and its gradients`, async (backend) => {
    const samples = new Samples(rows * 1000 + width);
    const kernel = backend.kernels.layerNorm!;
    const [actual, expected] = backend.run(() => {
      const x = samples.normal([rows, width], 2, 3);
      const weight = samples.normal([width], 0.5, 1);
      const bias = samples.normal([width]);
      const dy = samples.normal([rows, width]);
      const { y, saved } = kernel.forward({ x, weight, bias, epsilon: EPSILON });
      const gradients = kernel.backward({ dy, x, weight, saved, epsilon: EPSILON });
      const plain = composition(layerNorm, [x, weight, bias], dy);
      const [dx, dweight, dbias] = plain.gradients;
      return [{ y, ...gradients }, { y: plain.y, dx, dweight, dbias }];
    });
    // A single column has a true gradient of zero, where only rounding is left.
    if (width === 1) assert.ok(Math.abs((await actual.dx.data())[0]) < 1e-3);
    else await assertClose(actual, expected, 5e-6);
  });
}

for (const [hasGamma, hasKeep] of [[true, true], [true, false], [false, true], [false, false]]) {
  webgpuTest(`residual with gamma ${hasGamma} and keep ${hasKeep}`, async (backend) => {
    for (const [batch, tokens, width] of [[2, 3, 5], [4, 17, 48], [3, 50, 132]]) {
      const samples = new Samples(batch);
      const kernel = backend.kernels.residual!;
      const [actual, expected] = backend.run(() => {
        const x = samples.normal([batch, tokens, width]);
        const branch = samples.normal([batch, tokens, width]);
        const gamma = hasGamma ? samples.normal([width]) : null;
        const keep = hasKeep ? tf.tensor1d([0, 1.25, 1.25, 0].slice(0, batch)) : null;
        const dy = samples.normal([batch, tokens, width]);
        const { y } = kernel.forward({ x, branch, gamma, keep });
        const { dbranch, dgamma } = kernel.backward({ dy, branch, gamma, keep });
        const plain = composition(
          (b, g) => {
            const scaled = hasGamma ? tf.mul(b, g) : b;
            return tf.add(x, keep ? tf.mul(scaled, tf.reshape(keep, [-1, 1, 1])) : scaled);
          },
          gamma ? [branch, gamma] : [branch],
          dy,
        );
        const [plainBranch, plainGamma] = plain.gradients;
        return [
          { y, dbranch, dgamma },
          { y: plain.y, dbranch: plainBranch, dgamma: plainGamma ?? null },
        ];
      });
      await assertClose(actual, expected);
    }
  });
}
