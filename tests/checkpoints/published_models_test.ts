import assert from "node:assert/strict";
import { createBackend } from "../../backends/mod.ts";
import type { Context } from "../../backends/backend.ts";
import { openSafetensors } from "../../checkpoints/safetensors.ts";
import { toFloat32 } from "../../checkpoints/tensor_data.ts";
import { tf } from "../../deps/tfjs.ts";
import { extractFeatures } from "../../models/features.ts";
import { loadClassifier } from "../../tasks/inference/load_classifier.ts";
import { loadEncoder } from "../../tasks/inference/load_encoder.ts";
import { openModel } from "../../checkpoints/open_model.ts";

/** Written by transformers and timm, with what these compute: see tools/make_model_fixtures.py. */
const MODELS = new URL("../fixtures/models/", import.meta.url);
const NAMES = [...Deno.readDirSync(MODELS)].map(({ name }) => name).sort();

interface Expected {
  readonly images: Float32Array;
  readonly states: Float32Array;
  readonly logits?: Float32Array;
  readonly targets?: Float32Array;
}

function folderOf(name: string): string {
  return decodeURIComponent(new URL(name, MODELS).pathname);
}

async function expectedOf(name: string): Promise<Expected> {
  const file = await openSafetensors(new URL(`${name}/expected.safetensors`, MODELS));
  const found: Record<string, Float32Array> = {};
  for (const key of file.names()) found[key] = toFloat32(await file.read(key));
  file.close();
  return found as unknown as Expected;
}

function assertClose(found: Float32Array, wanted: Float32Array, what: string): void {
  assert.equal(found.length, wanted.length, `${what}: ${found.length} of ${wanted.length}`);
  const worst = found.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted[i])), 0);
  assert(worst <= 2e-5, `${what}: largest difference ${worst}`);
}

async function onReference(work: (on: Context) => Promise<void>): Promise<void> {
  const { backend } = await createBackend("reference");
  try {
    await work({ backend, precision: "float32" });
  } finally {
    await backend.dispose();
  }
}

for (const name of NAMES) {
  Deno.test(`the encoder of ${name} computes what its library does`, () =>
    onReference(async (on) => {
      const { images, states } = await expectedOf(name);
      const { encoder, config, dispose } = await loadEncoder(on, folderOf(name));
      const prefix = config.hasClassToken === false ? 0 : 1;
      const found = await on.backend.run(async () => {
        const input = tf.tensor4d(images, [2, 3, 8, 8]);
        const requests = [{ layer: -1, kind: "patches" }, { layer: -1, kind: "cls" }] as const;
        if (prefix === 0) {
          const refused = /^Cannot take the class token: this encoder has none; .*meanPatches/;
          assert.throws(() => extractFeatures(on, encoder, input, requests), { message: refused });
        }
        const [patches, cls] = extractFeatures(on, encoder, input, requests.slice(0, 1 + prefix));
        return {
          patches: await patches.data() as Float32Array,
          cls: await cls?.data() as Float32Array,
        };
      });
      const tokens = 4 + prefix;
      const width = config.embedDim;
      for (const image of [0, 1]) {
        const rows = states.subarray(image * tokens * width, (image + 1) * tokens * width);
        const own = found.patches.subarray(image * 4 * width, (image + 1) * 4 * width);
        assertClose(own, rows.subarray(prefix * width), "patches");
        if (prefix === 0) continue;
        const cls = found.cls.subarray(image * width, (image + 1) * width);
        assertClose(cls, rows.subarray(0, width), "class token");
      }
      dispose();
    }));
}

for (const name of NAMES) {
  Deno.test(`the classifier of ${name} gives its library's logits`, () =>
    onReference(async (on) => {
      const { images, logits } = await expectedOf(name);
      const opened = await openModel(folderOf(name));
      opened.close();
      assert.equal(opened.kind, logits === undefined ? "encoder" : "finetune");
      if (logits === undefined) return;
      const { model, classNames } = await loadClassifier(on, folderOf(name));
      assert.deepEqual(classNames, ["cat", "dog", "newt"]);
      const found = await on.backend.run(async () => {
        const input = tf.tensor4d(images, [2, 3, 8, 8]);
        return await model.logits(on, input, { dropPath: null }).data() as Float32Array;
      });
      assertClose(found, logits, "logits");
      model.dispose();
    }));
}
