/** What linear layers in bfloat16 keep in that format does not change the bits of the layers that read it. */

import assert from "node:assert/strict";
import { type Tensor, tf } from "../../../../../deps/tfjs.ts";
import { normal } from "../../_compare.ts";
import { createModelBackend } from "../../_model_backend.ts";
import { pairKernels, tileKernels } from "../../_model_kernels.ts";

const pairs = createModelBackend(pairKernels, 16);
const { kernels, run, runtime } = pairs;
const onTiles = createModelBackend([...pairKernels, ...tileKernels], 16);
const precision = "bfloat16";
const [inputs, hidden, outputs] = [40, 96, 33];

/** Two layers and the gradients of the second one; `between` is called with what the first one returns. */
function twoLayers(
  { kernels, run }: ReturnType<typeof createModelBackend>,
  rows: number,
  between: (y: Tensor) => void,
): Float32Array[] {
  return run(() =>
    tf.tidy(() => {
      const layer = kernels.linear!;
      const matrix = (seed: number, shape: [number, number]) =>
        tf.tensor2d(normal(seed, shape).values, shape);
      const [x, first] = [matrix(1, [rows, inputs]), matrix(2, [hidden, inputs])];
      const [second, dy] = [matrix(3, [outputs, hidden]), matrix(4, [rows, outputs])];
      const { y } = layer.forward({ x, weight: first, bias: null, activation: "gelu", precision });
      between(y);
      const last = { x: y, weight: second, bias: null, activation: "none", precision } as const;
      const { y: result } = layer.forward(last);
      const { dx, dweight } = layer.backward({ ...last, dy, saved: [], needsInputGradient: true });
      return [result, dx!, dweight, y].map((tensor) => tensor.dataSync() as Float32Array);
    })
  );
}

// Odd numbers of rows leave half a pair in the product of the weight's gradient.
for (const rows of [1, 2, 37, 263]) {
  Deno.test(`an activation that is kept in bfloat16 gives the bits of float32, ${rows} rows`, () => {
    for (const backend of [pairs, onTiles]) {
      const { tensors } = backend.runtime;
      const kept = twoLayers(backend, rows, (y) => {
        assert.notEqual(tensors.pointerToBfloat16(y), null);
      });
      const widened = twoLayers(backend, rows, (y) => {
        tensors.pointerTo(y);
        assert.equal(tensors.pointerToBfloat16(y), null);
      });
      assert.deepEqual(kept, widened);
    }
  });
}

Deno.test("rows of another shape, which are not whole vectors of bfloat16, are read as float32", () => {
  run(() =>
    tf.tidy(() => {
      const [x, weight] = [normal(1, [6, inputs]), normal(2, [hidden, inputs])]
        .map(({ shape, values }) => tf.tensor2d(values, shape as [number, number]));
      const layer = { bias: null, activation: "none", precision } as const;
      const multiply = (isWidened: boolean) => {
        const { y } = kernels.linear!.forward({ ...layer, x, weight, activation: "gelu" });
        if (isWidened) runtime.tensors.pointerTo(y);
        const { values } = normal(3, [4, 3]);
        return kernels.linear!.forward({
          ...layer,
          x: tf.reshape(y, [6 * hidden / 3, 3]),
          weight: tf.tensor2d(values, [4, 3]),
        }).y.dataSync();
      };
      assert.deepEqual(multiply(false), multiply(true));
    })
  );
});

Deno.test("a tensor that is kept in bfloat16 takes half the memory until its values are asked for", () => {
  const { tensors } = runtime;
  run(() =>
    tf.tidy(() => {
      const before = tensors.arena.usedBytes;
      const tensor = tensors.emptyBfloat16([64, 1024]);
      assert.equal(tensors.arena.usedBytes - before, 64 * 1024 * 2);
      const copy = tf.reshape(tensor, [1024, 64]);
      copy.dataSync();
      assert.equal(tensors.arena.usedBytes - before, 64 * 1024 * 4);
    })
  );
});
