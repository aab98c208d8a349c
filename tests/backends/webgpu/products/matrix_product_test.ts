import assert from "node:assert/strict";
import { relativeError } from "../../../../backends/conformance/case.ts";
import { fits } from "../../../../backends/webgpu/products/choose_tilings.ts";
import { MatrixProducts } from "../../../../backends/webgpu/products/matrix_product.ts";
import {
  onlyTiling,
  type TilingName,
  TILINGS,
} from "../../../../backends/webgpu/products/tilings.ts";
import { openRunner } from "../../../../backends/webgpu/open_runner.ts";
import { Generator } from "../../../../core/generator.ts";
import { type Tensor, tf } from "../../../../deps/tfjs.ts";
import { hasAdapter } from "../_adapter.ts";

/** [rows, inputs, outputs]: rows of quads, and none. */
const SIZES = [[700, 36, 96], [600, 5, 3]] as const;

type Matrix = Float32Array;

/** Σ over k of a[m, k]·b[n, k], where `a` and `b` say where their values lie. */
function product(
  [rows, columns, depth]: readonly [number, number, number],
  a: (m: number, k: number) => number,
  b: (n: number, k: number) => number,
): Matrix {
  const result = new Float32Array(rows * columns);
  for (let m = 0; m < rows; m++) {
    for (let n = 0; n < columns; n++) {
      let sum = 0;
      for (let k = 0; k < depth; k++) sum += a(m, k) * b(n, k);
      result[m * columns + n] = sum;
    }
  }
  return result;
}

async function assertClose(what: string, found: Tensor, wanted: Matrix): Promise<void> {
  const error = relativeError(await found.data<"float32">(), wanted);
  assert.ok(error <= 2e-6, `${what}: relative error ${error}`);
}

Deno.test({
  name: "every tiling gives the same products, with the rows of a weight whole and in parts; " +
    "a joint bias is read and differentiated in its parts, and an activation passed through",
  ignore: !hasAdapter,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    const { runner, runtime, slot } = await openRunner();
    const names = (Object.keys(TILINGS) as TilingName[])
      .filter((name) => fits(name, runtime.device.limits));
    try {
      for (const [rows, inputs, outputs] of SIZES) {
        const random = Generator.from(rows);
        const draw = (size: number) => Float32Array.from({ length: size }, () => random.normal());
        const [x, w, dz] = [draw(rows * inputs), draw(outputs * inputs), draw(rows * outputs)];
        const y = product(
          [rows, outputs, inputs],
          (m, k) => x[m * inputs + k],
          (n, k) => w[n * inputs + k],
        );
        const dx = product(
          [rows, inputs, outputs],
          (m, k) => dz[m * outputs + k],
          (n, k) => w[k * inputs + n],
        );
        const dw = product(
          [outputs, inputs, rows],
          (m, k) => dz[k * outputs + m],
          (n, k) => x[k * inputs + n],
        );
        const db = product([outputs, 1, rows], (m, k) => dz[k * outputs + m], () => 1);
        for (const name of names) {
          for (const workgroups of name === "square64" ? [1, 4096] : [4096]) {
            const products = new MatrixProducts(runner, onlyTiling(name, workgroups));
            const tensors = {
              a: tf.tensor(x, [rows, inputs]),
              b: tf.tensor(w, [outputs, inputs]),
              dz: tf.tensor(dz, [rows, outputs]),
              c: runtime.allocate([rows, outputs]),
              dx: runtime.allocate([rows, inputs]),
              dweight: runtime.allocate([outputs, inputs]),
              dbias: runtime.allocate([outputs]),
            };
            const { a, b, c } = tensors;
            const isRounded = false;
            products.run({ a, b, c, rows, columns: outputs, depth: inputs, isRounded });
            products.runBackward({ ...tensors, x: a, weight: b, isRounded });
            const what = `${name}, ${workgroups}, ${[rows, inputs, outputs]}`;
            await assertClose(`${what}: c`, c, y);
            await assertClose(`${what}: dx`, tensors.dx, dx);
            await assertClose(`${what}: dweight`, tensors.dweight, dw);
            await assertClose(`${what}: dbias`, tensors.dbias, db);
            const checkEpilogues = async () => {
              const third = outputs / 3;
              const more = {
                bias: tf.tensor1d(draw(third)),
                lastBias: tf.tensor1d(draw(third)),
                before: tf.tensor(draw(rows * inputs), [rows, inputs]),
                dbias: runtime.allocate([third]),
                dlastBias: runtime.allocate([third]),
              };
              const { bias, lastBias, before, dbias, dlastBias } = more;
              const joint = [
                ...await bias.data(),
                ...new Float32Array(third),
                ...await lastBias.data(),
              ];
              const size = { rows, columns: outputs, depth: inputs };
              products.run({ a, b, c, ...size, isRounded, bias, lastBias });
              const through = { before, activation: "tanh" } as const;
              const gradients = { ...tensors, dbias, dlastBias, through };
              products.runBackward({ ...gradients, x: a, weight: b, isRounded });
              const values = await before.data();
              const slopes = dx.map((value, i) => value * (1 - Math.tanh(values[i]) ** 2));
              await assertClose(
                `${what}: c, joint`,
                c,
                y.map((value, i) => value + joint[i % outputs]),
              );
              await assertClose(`${what}: dx, through tanh`, tensors.dx, slopes);
              await assertClose(`${what}: dweight again`, tensors.dweight, dw);
              await assertClose(`${what}: dbias, first`, dbias, db.slice(0, third));
              await assertClose(`${what}: dbias, last`, dlastBias, db.slice(2 * third));
              tf.dispose(Object.values(more));
            };
            if (name === "square64" && outputs % 12 === 0) await checkEpilogues();
            tf.dispose(Object.values(tensors));
          }
        }
      }
    } finally {
      slot.remove();
    }
  },
});
