import assert from "node:assert/strict";
import { join } from "node:path";
import type { Context } from "../../../backends/backend.ts";
import { createBackend } from "../../../backends/mod.ts";
import { convertCheckpoint } from "../../../checkpoints/convert.ts";
import { openModel } from "../../../checkpoints/open_model.ts";
import { type Preprocessing, resizedEdge } from "../../../checkpoints/hub/preprocessing.ts";
import { openSafetensors } from "../../../checkpoints/safetensors/safetensors.ts";
import { toFloat32 } from "../../../checkpoints/tensors/tensor_data.ts";
import { UserError } from "../../../core/errors.ts";
import { tf } from "../../../deps/tfjs.ts";
import { extractFeatures } from "../../../models/features.ts";
import { loadClassifier } from "../../../tasks/load_classifier.ts";
import { loadEncoder } from "../../../pipeline/weights/load_encoder.ts";

/** Written by transformers and timm, with what these compute: see tools/make_model_fixtures.py. */
const MODELS = new URL("../../fixtures/models/", import.meta.url);
const NAMES = [...Deno.readDirSync(MODELS)].map(({ name }) => name).sort();
const CLASSES = ["cat", "dog", "newt"];

interface Expected {
  readonly images: Float32Array;
  /** Tokens after the last block, [2, tokens, C]. */
  readonly states: Float32Array;
  readonly logits?: Float32Array;
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

function assertClose(found: Float32Array, wanted: Float32Array, what: string, most: number): void {
  assert.equal(found.length, wanted.length, `${what}: ${found.length} of ${wanted.length}`);
  const worst = found.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted[i])), 0);
  assert(worst <= most, `${what}: largest difference ${worst}`);
}

async function onReference(work: (on: Context) => Promise<void>): Promise<void> {
  const { backend } = await createBackend("reference");
  try {
    await work({ backend, precision: "float32" });
  } finally {
    await backend.dispose();
  }
}

/** Holds the encoder of a checkpoint against the states that its library computed. */
async function checkEncoder(on: Context, path: string, expected: Expected, most: number) {
  const { encoder, config, dispose } = await loadEncoder(on, path);
  const prefix = config.hasClassToken === false ? 0 : 1;
  const [patches, cls] = await on.backend.run(async () => {
    const input = tf.tensor4d(expected.images, [2, 3, 8, 8]);
    const requests = [{ layer: -1, kind: "patches" }, { layer: -1, kind: "cls" }] as const;
    if (prefix === 0) {
      const refused = /^Cannot take the class token: this encoder has none; .*meanPatches/;
      assert.throws(() => extractFeatures(on, encoder, input, requests), { message: refused });
    }
    const found = extractFeatures(on, encoder, input, requests.slice(0, 1 + prefix));
    return await Promise.all(found.map((tensor) => tensor.data() as Promise<Float32Array>));
  });
  const width = config.embedDim;
  const [all, own] = [(4 + prefix) * width, 4 * width];
  for (const image of [0, 1]) {
    const rows = expected.states.subarray(image * all, (image + 1) * all);
    const found = patches.subarray(image * own, (image + 1) * own);
    assertClose(found, rows.subarray(prefix * width), "patches", most);
    if (prefix === 0) continue;
    const token = cls.subarray(image * width, (image + 1) * width);
    assertClose(token, rows.subarray(0, width), "class token", most);
  }
  dispose();
}

/** Holds the classifier of a checkpoint, where it is one, against its library's logits. */
async function checkClassifier(on: Context, path: string, expected: Expected, most: number) {
  const { images, logits } = expected;
  const opened = await openModel(path);
  opened.close();
  const other = opened.shape.codes === undefined ? "encoder" : "pretrain";
  assert.equal(opened.kind, logits === undefined ? other : "finetune");
  if (logits === undefined) return;
  const { model, classNames } = await loadClassifier(on, path);
  assert.deepEqual(classNames, CLASSES);
  const found = await on.backend.run(async () => {
    const input = tf.tensor4d(images, [2, 3, 8, 8]);
    return await model.logits(on, input, { dropPath: null }).data() as Float32Array;
  });
  assertClose(found, logits, "logits", most);
  model.dispose();
}

for (const name of NAMES) {
  Deno.test(`${name} computes what its library does`, () =>
    onReference(async (on) => {
      const expected = await expectedOf(name);
      await checkEncoder(on, folderOf(name), expected, 2e-5);
      await checkClassifier(on, folderOf(name), expected, 2e-5);
    }));
}

/** What the other library's class cannot be, by name and target. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  "hf_dinov2 timm": /no pooling of the class token and the mean of the patches together/,
  "timm_clip huggingface": /its classifier of a clip is not one that mimic writes/,
  "timm_vit_mean huggingface": /its classifier of a vit pools by "cls", this model by "meanTh/,
};

/** What a preparation makes of images; Hugging Face writes the edge, timm its ratio to the crop. */
function seen({ cropShare, ...rest }: Preprocessing) {
  return { ...rest, edge: resizedEdge(8, cropShare) };
}

for (const name of NAMES) {
  for (const to of ["timm", "huggingface"] as const) {
    const refused = REFUSED[`${name} ${to}`];
    Deno.test(`${name} ${refused ? "is refused by" : "computes the same as"} ${to}'s`, () =>
      onReference(async (on) => {
        const folder = await Deno.makeTempDir();
        const path = join(folder, "out");
        const converted = convertCheckpoint(folderOf(name), path, { to });
        if (refused) {
          await assert.rejects(converted, (error: Error) => {
            assert(error instanceof UserError);
            assert.match(error.message, refused);
            return true;
          });
        } else {
          const { notes } = await converted;
          const expected = await expectedOf(name);
          // timm's classes have an epsilon of their own, and convert says so.
          const most = notes.length > 0 ? 1e-3 : 2e-5;
          await checkEncoder(on, path, expected, most);
          await checkClassifier(on, path, expected, most);
          const [before, after] = [await openModel(folderOf(name)), await openModel(path)];
          for (const model of [before, after]) model.close();
          assert.deepEqual(seen(after.preprocessing!), seen(before.preprocessing!));
          assert.equal(after.family, before.family);
        }
        await Deno.remove(folder, { recursive: true });
      }));
  }
}
