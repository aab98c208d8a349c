import assert from "node:assert/strict";
import type { Backend, Context } from "../../../backends/backend.ts";
import { createBackend } from "../../../backends/mod.ts";
import { resizeBilinear } from "../../../backends/ops/resize_bilinear.ts";
import { valueAndGradients } from "../../../backends/value_and_gradients.ts";
import { Parameter } from "../../../backends/parameter.ts";
import { openSafetensors } from "../../../checkpoints/safetensors/safetensors.ts";
import { assertAllClose } from "../../../core/assert_all_close.ts";
import { Generator } from "../../../core/generator.ts";
import { type Tensor, tf } from "../../../deps/tfjs.ts";
import type { BeitConfig } from "../../../models/beit_config.ts";
import { initialiseFrom, type NamedValues } from "../../../models/parameter_set.ts";
import { initialiseBeit } from "../../../models/initialise.ts";
import { Segmenter } from "../../../models/segmentation/segmenter.ts";
import type { SegmenterConfig } from "../../../models/segmentation/segmenter_config.ts";
import { pixelLoss } from "../../../methods/segment/stages/loss.ts";
import { readValues } from "../../../pipeline/weights/model_tensors.ts";
import { tinyShape } from "../../tasks/_tiny_model.ts";

const encoder: BeitConfig = {
  ...tinyShape,
  imageSize: 24,
  embedDim: 8,
  usesSharedRelativePositionBias: false,
  usesRelativePositionBias: true,
};

/** The sizes of `tests/fixtures/segmentation/make_upernet.py`. */
const config: SegmenterConfig = {
  encoder,
  head: "upernet",
  classes: 4,
  channels: 6,
  outBlocks: [0, 0, 1, 1],
  poolScales: [1, 2, 3, 6],
  dropout: 0,
  auxiliaryWeight: 0.4,
  auxiliaryChannels: 5,
};

async function readFixture(): Promise<Map<string, NamedValues>> {
  const url = new URL("../../fixtures/segmentation/upernet.safetensors", import.meta.url);
  const file = await openSafetensors(url);
  try {
    return await readValues(file);
  } finally {
    file.close();
  }
}

/** PyTorch's [B, C, H, W] as [B, H, W, C]. */
function map({ shape, values }: NamedValues): Tensor {
  return tf.transpose(tf.tensor(values, [...shape]), [0, 2, 3, 1]);
}

const close = { relative: 2e-5, absolute: 2e-5 };

/** A segmenter with the fixture's heads. */
function segmenterOf(on: Context, fixture: ReadonlyMap<string, NamedValues>): Segmenter {
  const own = new Map([...fixture].map(([name, value]) => [name.replace(/^param\./, ""), value]));
  const initialise = initialiseBeit(config.encoder, Generator.from(0));
  return Segmenter.create(on, config, initialiseFrom(own, initialise));
}

async function checkFixture(backend: Backend): Promise<void> {
  const fixture = await readFixture();
  const on: Context = { backend, precision: "float32" };
  const segmenter = segmenterOf(on, fixture);
  const get = (name: string) => fixture.get(name)!;
  const inputs = backend.run(() =>
    [0, 1, 2, 3].map((index) => new Parameter(`input.${index}`, map(get(`input.${index}`))))
  );
  const heads = segmenter.parameters.trainable.filter(({ name }) =>
    !/^(blocks|cls|patch)/.test(name)
  );
  const all = [...inputs, ...heads];
  const labels = Int32Array.from(get("input.labels").values, (label) => label === 255 ? -1 : label);
  const { gradients, outputs } = valueAndGradients(on, all, () => {
    const maps = inputs.map(({ value }) => value);
    const { logits, auxiliary } = segmenter.decode(on, maps, {
      generator: Generator.from(0),
      first: 0,
    });
    const wanted = tf.tensor3d(labels, [2, 48, 48], "int32");
    const [head, other] = [logits, auxiliary!].map((scores) => pixelLoss(on, scores, wanted).loss);
    return {
      loss: tf.add(head, tf.mul(other, 0.4)),
      outputs: { logits, auxiliary: auxiliary!, losses: tf.stack([head, other]) },
    };
  });
  const compare = async (name: string, actual: Tensor, tolerance = close) => {
    const expected = get(name);
    const wanted = expected.shape.length === 4 && actual.rank === 4 && !name.startsWith("grad.")
      ? backend.run(() => map(expected))
      : null;
    const values = wanted === null ? expected.values : await wanted.data() as Float32Array;
    assertAllClose(await actual.data() as Float32Array, values, tolerance, { name });
  };
  await compare("out.logits", outputs.logits);
  await compare("out.auxiliary", outputs.auxiliary);
  await compare("out.losses", outputs.losses, { relative: 1e-5, absolute: 0 });
  for (const [index, { name }] of all.entries()) {
    const isInput = name.startsWith("input.");
    const gradient = isInput
      ? backend.run(() => tf.transpose(gradients[index], [0, 3, 1, 2]))
      : gradients[index];
    await compare(`grad.${name}`, gradient);
  }
  for (const [name, { values }] of fixture) {
    if (!name.startsWith("after.")) continue;
    const moved = await segmenter.parameters.value(name.slice(6)).data() as Float32Array;
    assertAllClose(moved, values, close, { name });
  }
  const [evaluated, resized] = backend.run(() =>
    tf.tidy(() => {
      const maps = inputs.map(({ value }) => value);
      const { logits } = segmenter.decode(on, maps, null);
      return [logits, resizeBilinear(on, logits, 17, 29)];
    })
  );
  await compare("out.evaluated", evaluated);
  await compare("out.resized", resized);
  segmenter.dispose();
}

for (const name of ["reference", "cpu"] as const) {
  Deno.test(`UPerNet equals PyTorch's on ${name}: scores, losses, gradients, statistics`, async () => {
    const { backend } = await createBackend(name, { threads: 1 });
    await checkFixture(backend);
    await backend.dispose();
  });
}

Deno.test("a forward pass of the whole model leaves no tensor behind", async () => {
  const { backend } = await createBackend("cpu", { threads: 1 });
  const on: Context = { backend, precision: "float32" };
  for (const head of ["upernet", "linear"] as const) {
    const before = backend.memory().tensors;
    const whole = { ...config, head, dropout: 0.5 };
    const segmenter = Segmenter.create(on, whole, initialiseBeit(whole.encoder, Generator.from(1)));
    const results = valueAndGradients(on, [...segmenter.parameters], () => {
      const images = tf.ones([2, 3, 24, 24]);
      const { logits } = segmenter.forward(on, images, { generator: Generator.from(2), first: 0 });
      assert.deepEqual(logits.shape, head === "linear" ? [2, 6, 6, 4] : [2, 24, 24, 4]);
      return { loss: tf.mean(tf.square(logits)), outputs: {} };
    });
    tf.dispose([results.loss, ...results.gradients]);
    segmenter.dispose();
    assert.equal(backend.memory().tensors, before);
  }
  await backend.dispose();
});
