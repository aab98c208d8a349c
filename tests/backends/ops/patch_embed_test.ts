import assert from "node:assert/strict";
import { linearCrossEntropy } from "../../../backends/ops/linear_cross_entropy.ts";
import { patchEmbed } from "../../../backends/ops/patch_embed.ts";
import { selectRows } from "../../../backends/ops/select_rows.ts";
import { Tape } from "../../../backends/tfjs/tape.ts";
import { tf } from "../../../deps/tfjs.ts";
import { normal, onReference } from "../_context.ts";

Deno.test("no gradient reaches images and rows", () => {
  onReference((on) => {
    const images = normal([1, 3, 4, 4], 1);
    const [weight, bias] = [normal([2, 3, 2, 2], 2), normal([2], 3)];
    const tape = Tape.open();
    const x = patchEmbed(on, images, weight, bias);
    const { loss } = linearCrossEntropy(on, {
      x: selectRows(on, x, tf.tensor1d([3, 1], "int32")),
      weight: normal([5, 2], 4),
      bias: normal([5], 5),
      targets: tf.tensor1d([0, 4], "int32"),
    });
    const [dimages, dweight] = tape.gradients(loss, [images, weight]);
    assert(dimages.dataSync().every((value) => value === 0));
    assert(dweight.dataSync().every((value) => value !== 0));
  });
});
