import assert from "node:assert/strict";
import { linear } from "../../../../backends/ops/linear.ts";
import { qkvBias } from "../../../../backends/ops/qkv_bias.ts";
import { Tape } from "../../../../backends/tfjs/tape.ts";
import { Watch } from "../../../../backends/watch.ts";
import type { Context } from "../../../../backends/backend.ts";
import type { Tensor } from "../../../../deps/tfjs.ts";
import { webgpuTest } from "../_backend.ts";
import { assertClose, Samples } from "../_compare.ts";
import { withoutKernels } from "../_trainee.ts";

webgpuTest(
  "a joint bias and the gradient through an activation take no dispatch of their own",
  async (backend) => {
    const samples = new Samples(1);
    const [rows, width] = [6, 8];
    const given = backend.run(() => ({
      x: samples.normal([rows, width]),
      weight: samples.normal([3 * width, width]),
      qBias: samples.normal([width]),
      vBias: samples.normal([width]),
      last: samples.normal([4, 3 * width]),
      factors: samples.normal([rows, 4]),
    }));
    const { x, weight, qBias, vBias, last, factors } = given;
    const run = (on: Context) =>
      on.backend.run(() => {
        const tape = Tape.open();
        try {
          const hidden = linear(on, x, weight, qkvBias(on, qBias, vBias), { activation: "gelu" });
          const y = linear(on, hidden, last, null);
          const wanted = [x, weight, qBias, vBias, last];
          const [dx, dweight, dqBias, dvBias, dlast] = tape.gradients(y, wanted, factors);
          return { y, dx, dweight, dqBias, dvBias, dlast } as Record<string, Tensor>;
        } finally {
          tape.close();
        }
      });
    const on = { backend, precision: "float32" } as const;
    const before = backend.dispatches;
    const found = run(on);
    assert.equal(backend.dispatches - before, 4, "two forward, two backward");
    const stock = run({ ...on, backend: withoutKernels(backend) });
    await assertClose(found, stock, 2e-6);
    // Gradients in between have values for whoever looks at them.
    const watch = new Watch({ lossScale: 1 });
    await assertClose(run({ ...on, watch }), stock, 2e-6);
    assert.equal(await watch.firstBad(), null);
  },
);
