import assert from "node:assert/strict";
import { tf } from "../../../deps/tfjs.ts";
import { linear } from "../../../backends/ops/linear.ts";
import { DeviceLostError, OutOfMemoryError } from "../../../core/errors.ts";
import { hasAdapter } from "./_adapter.ts";
import { openFailing } from "./_failing_device.ts";

/** A GPU's queue has operations open that no test can close. */
function deviceTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, fn, sanitizeOps: false, sanitizeResources: false, ignore: !hasAdapter });
}

deviceTest(
  "an allocation that the device refuses is named, whatever error comes before",
  async () => {
    const { backend, device } = await openFailing();
    const on = { backend, precision: "float32" } as const;
    device.refuseFrom(3 * 512 * 1024 * 4);
    // The product is made with a buffer that is not there: the device complains of that too.
    const y = backend.run(() =>
      tf.tidy(() => {
        return linear(on, tf.ones([1024, 8]), tf.ones([1536, 8]), null);
      })
    );
    const error = await y.data().then(() => null, (error) => error);
    assert.ok(error instanceof OutOfMemoryError, String(error));
    assert.match(
      error.message,
      /^Cannot allocate 6 MiB on the GPU for linear, float32 \[1024, 1536\]: /,
    );
    assert.match(
      error.message,
      /\d+ MiB are allocated, .*; lower --micro-batch, or raise --recompute$/,
    );
    // It stays so: what was computed since is worth nothing.
    assert.throws(() => backend.run(() => tf.ones([1])), OutOfMemoryError);
    await backend.dispose();
  },
);

deviceTest("an op of tfjs that is refused memory is named too", async () => {
  const { backend, device } = await openFailing();
  device.refuseFrom(2 ** 20);
  const sum = backend.run(() => tf.tidy(() => tf.add(tf.fill([512, 1024], 1), 1)));
  await assert.rejects(
    () => sum.data(),
    /^OutOfMemoryError: Cannot allocate 2 MiB on the GPU for tfjs FillProgram, float32 \[512, 1024\]/,
  );
  await backend.dispose();
});

deviceTest("a lost device is told apart, with what it held", async () => {
  const { backend, device } = await openFailing();
  const tensor = backend.run(() => tf.mul(tf.ones([256, 1024]), 2));
  await backend.sync();
  device.lose();
  const error = await tensor.data().then(() => null, (error) => error);
  assert.ok(error instanceof DeviceLostError, String(error));
  assert.match(
    error.message,
    /^The GPU was lost \(.+\) with \d+ MiB allocated, the latest \d+ MiB for /,
  );
  assert.match(
    error.message,
    /; continue with --resume; if it happens again, lower --micro-batch$/,
  );
  await assert.rejects(() => backend.sync(), DeviceLostError);
  assert.throws(() => backend.run(() => tf.ones([1])), DeviceLostError);
  await backend.dispose();
});
