/** A norm that writes bfloat16 for the products that read it gives them the bits that they would round to. */

import assert from "node:assert/strict";
import type { Precision } from "../../../../../backends/backend.ts";
import { descriptions } from "../../../../../backends/cpu/kernels/layer_norm/description.ts";
import { tf } from "../../../../../deps/tfjs.ts";
import { normal } from "../../_compare.ts";
import { createModelBackend } from "../../_model_backend.ts";
import { pairKernels, tileKernels } from "../../_model_kernels.ts";

const inPairs = createModelBackend([...descriptions, ...pairKernels], 16);
const onTiles = createModelBackend([...descriptions, ...pairKernels, ...tileKernels]);
const outputs = 33;

/** A norm and a linear layer, and the gradient of the layer's weight. */
function normAndLayer(
  { kernels, run, runtime }: typeof inPairs,
  rows: number,
  columns: number,
  productPrecision: Precision,
) {
  return run(() =>
    tf.tidy(() => {
      const matrix = (seed: number, shape: [number, number]) =>
        tf.tensor2d(normal(seed, shape).values, shape);
      const vector = (seed: number) => tf.tensor1d(normal(seed, [columns]).values);
      const [weight, bias] = [vector(1), vector(2)];
      const x = matrix(3, [rows, columns]);
      const { y } = kernels.layerNorm!.forward({
        x,
        weight,
        bias,
        epsilon: 1e-6,
        productPrecision,
      });
      const isHalved = runtime.tensors.pointerToBfloat16(y) !== null;
      const layer = {
        x: y,
        weight: matrix(4, [outputs, columns]),
        bias: null,
        activation: "none",
        precision: "bfloat16",
      } as const;
      const result = kernels.linear!.forward(layer).y;
      const { dweight } = kernels.linear!.backward({
        ...layer,
        dy: matrix(5, [rows, outputs]),
        saved: [],
        needsInputGradient: false,
      });
      return { isHalved, values: [result, dweight].map((tensor) => tensor.dataSync()) };
    })
  );
}

for (const [rows, columns] of [[1, 32], [37, 96], [262, 64]]) {
  for (const [kind, backend] of Object.entries({ "in pairs": inPairs, "on tiles": onTiles })) {
    Deno.test(`a norm in bfloat16 gives products ${kind} the bits of float32, ${rows} × ${columns}`, () => {
      const halved = normAndLayer(backend, rows, columns, "bfloat16");
      const usual = normAndLayer(backend, rows, columns, "float32");
      assert.deepEqual([halved.isHalved, usual.isHalved], [true, false]);
      assert.deepEqual(halved.values, usual.values);
    });
  }
}

Deno.test("a norm of rows that are not whole vectors of bfloat16 stays in float32", () => {
  assert.equal(normAndLayer(inPairs, 5, 48, "bfloat16").isHalved, false);
});
