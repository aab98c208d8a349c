import { linearCrossEntropy } from "../../../../backends/ops/linear_cross_entropy.ts";
import { nearestCode } from "../../../../backends/ops/nearest_code.ts";
import { Tape } from "../../../../backends/tfjs/tape.ts";
import { type Tensor, tf } from "../../../../deps/tfjs.ts";
import { webgpuTest } from "../_backend.ts";
import { assertClose, Samples } from "../_compare.ts";
import { withoutKernels } from "../_trainee.ts";

/** 2100 rows of 8192 logits are more than the 64 MiB that are made at a time. */
const [rows, codes, width] = [2100, 8192, 4];

webgpuTest(
  "logits in several stretches give the loss and gradients of all at once",
  async (backend) => {
    const samples = new Samples(1);
    const given = backend.run(() => ({
      x: samples.normal([rows, width]),
      weight: samples.normal([codes, width]),
      bias: samples.normal([codes]),
      targets: samples.ids(rows, codes),
    }));
    const run = (on: Parameters<typeof linearCrossEntropy>[0]): Record<string, Tensor> =>
      on.backend.run(() => {
        const tape = Tape.open();
        try {
          const { loss, correct } = linearCrossEntropy(on, given);
          const [dx, dweight, dbias] = tape.gradients(loss, [given.x, given.weight, given.bias]);
          return { loss, correct, dx, dweight, dbias };
        } finally {
          tape.close();
        }
      });
    const expected = run({ backend: withoutKernels(backend), precision: "float32" });
    await assertClose(run({ backend, precision: "float32" }), expected, 1e-5);
  },
);

webgpuTest(
  "nearest codes of more rows than fit at once are those of each part",
  async (backend) => {
    const samples = new Samples(2);
    const on = { backend, precision: "float32" } as const;
    const [all, first, last] = backend.run(() => {
      const z = samples.normal([rows, width]);
      const codebook = samples.normal([codes, width]);
      const part = (begin: number, count: number) =>
        nearestCode(on, tf.slice(z, [begin, 0], [count, width]), codebook);
      const ids = nearestCode(on, z, codebook);
      return [ids, part(0, 100), part(rows - 100, 100)];
    });
    const ends = backend.run(() => [tf.slice(all, 0, 100), tf.slice(all, rows - 100, 100)]);
    await assertClose({ first: ends[0], last: ends[1] }, { first, last }, 0);
  },
);
