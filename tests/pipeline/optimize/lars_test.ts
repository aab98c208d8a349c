import assert from "node:assert/strict";
import { Parameter } from "../../../backends/parameter.ts";
import { tf } from "../../../deps/tfjs.ts";
import { Lars } from "../../../pipeline/optimize/lars.ts";
import { onReference } from "../../models/_tiny.ts";

const schedule = () => 1;

Deno.test("LARS stays where it is from the first gradient on that is not finite", async () => {
  await onReference(async (on) => {
    const bias = new Parameter("bias", on.backend.run(() => tf.keep(tf.tensor1d([1, 2]))));
    const lars = Lars.create(on, [bias], { weightDecay: 0 });
    const step = (gradient: number[], at: number) =>
      on.backend.run(() =>
        tf.tidy(() => lars.step(on, [tf.tensor1d(gradient)], schedule, at).arraySync() as number[])
      );
    assert.deepEqual(step([1, 0], 0), [1, 1, 0]);
    const [values, momentum] = [
      [...await bias.value.data()],
      (await lars.export()).get("momentum.bias")!.values,
    ];
    assert.deepEqual(step([NaN, 0], 1), [NaN, 1, 1]);
    // The next step has been submitted before the last one is read.
    assert.deepEqual(step([1, 0], 2), [1, NaN, 1]);
    assert.ok(Number.isNaN((await lars.lossScale.data())[0]));
    assert.deepEqual([...await bias.value.data()], values);
    assert.deepEqual((await lars.export()).get("momentum.bias")!.values, momentum);
    lars.dispose();
    bias.dispose();
  });
});
