import assert from "node:assert/strict";
import { UserError } from "../../../../core/errors.ts";
import { pretrain, type PretrainOptions } from "../../../../methods/beit/method.ts";
import type { PretrainConfig } from "../../../../methods/beit/config.ts";
import { trainTokenizer } from "../../../../methods/vqkd/method.ts";
import { tokenizeImages } from "../../../../tasks/tokens/tokenize_images.ts";
import { tinyConfig, withFolder } from "../../../tasks/_tiny.ts";
import { tinyTokenizerConfig } from "../../../tasks/_tiny_tokenizer.ts";

const fixture = new URL("../../../fixtures/onnx/cnn.onnx", import.meta.url);

const kMeans = (...overrides: string[]) =>
  tinyTokenizerConfig([
    "method=kMeans",
    "kMeans.tokensPerCode=16",
    "model.patchSize=4",
    ...overrides,
  ]);

const refused = (work: Promise<unknown>, message: RegExp) =>
  assert.rejects(work, (error: Error) => {
    assert.ok(error instanceof UserError, `${error.stack}`);
    assert.match(error.message, message);
    return true;
  });

async function losses(config: PretrainConfig, options: PretrainOptions): Promise<number[]> {
  const found: number[] = [];
  const listener: PretrainOptions["listener"] = (event) => {
    if (event.type === "step") found.push(event.metrics.loss);
  };
  await pretrain(config, { ...options, listener });
  return found;
}

for (const teacher of ["hog", "pixels"]) {
  Deno.test(`k-means of ${teacher} is a tokenizer: the same twice, used in full, and learnt from`, () =>
    withFolder(async (folder, backend) => {
      const config = await kMeans(`teacher.name=${teacher}`);
      const [first, second] = [`${folder}/a`, `${folder}/b`];
      const { metrics, step } = await trainTokenizer(config, { backend, directory: first });
      assert.equal(step, 0);
      assert.ok(metrics.codebookUsage > 0.9, JSON.stringify(metrics));
      await trainTokenizer(config, { backend, directory: second });
      const bytes = (folder: string) => Deno.readFile(`${folder}/tokenizer.safetensors`);
      assert.deepEqual(await bytes(first), await bytes(second));
      const pretraining = await tinyConfig(first, ["optimizer.lr=1e-2", "model.patchSize=4"]);
      const whole = await losses(pretraining, { backend });
      assert.ok(whole[11] < whole[0], `${whole}`);
      const start = { ...pretraining, schedule: { ...pretraining.schedule, maxSteps: 5 } };
      const directory = `${folder}/run`;
      const before = await losses(start, { backend, directory });
      assert.deepEqual([...before, ...await losses(pretraining, { backend, directory })], whole);
    }));
}

Deno.test("k-means of an ONNX model: its file is found again, and another one refused", () =>
  withFolder(async (folder, backend) => {
    const model = `${folder}/model.onnx`;
    Deno.copyFileSync(fixture, model);
    const config = await kMeans(
      "teacher.name=onnx",
      `teacher.checkpoint=${model}`,
      "teacher.onnx.runtime=wasm",
      "teacher.onnx.whiten=4",
      "teacher.onnx.fitImages=20",
    );
    const directory = `${folder}/tokens`;
    await trainTokenizer(config, { backend, directory });
    const tokens = async () => {
      const found: number[][] = [];
      const checkpoint = `${directory}/tokenizer.safetensors`;
      const images = {
        length: 1,
        classes: [],
        entry: () => ({ id: "letters", label: -1 }),
        read: () => Promise.resolve(new TextEncoder().encode("P5 2 2 255\nABCD")),
      };
      const { codes } = await tokenizeImages({
        ...{ checkpoint, backend, images, data: { workers: 0 } },
        onImage: ({ tokens }) => found.push([...tokens]),
      });
      assert.equal(codes, 32);
      return found;
    };
    const [ids] = await tokens();
    assert.equal(ids.length, 16);
    assert.deepEqual(await tokens(), [ids]);
    const bytes = Deno.readFileSync(model);
    bytes[bytes.indexOf(0x70)]++;
    Deno.writeFileSync(model, bytes);
    await refused(tokens(), /its teacher ".*model\.onnx" is not the one that it was made with/);
  }));

Deno.test("k-means that is stopped leaves nothing that looks finished", () =>
  withFolder(async (folder, backend) => {
    const config = await kMeans();
    const directory = `${folder}/a`;
    const run = { backend, directory };
    const before = backend.memory().tensors;
    const stopped = await trainTokenizer(config, { ...run, signal: AbortSignal.abort() });
    assert.equal(stopped.interrupted, true);
    assert.equal(backend.memory().tensors, before);
    const { interrupted } = await trainTokenizer(config, run);
    assert.equal(interrupted, false);
    assert.equal(backend.memory().tensors, before);
  }));

Deno.test("a finished tokenizer by k-means is left alone, or handed back", () =>
  withFolder(async (folder, backend) => {
    const config = await kMeans();
    const directory = `${folder}/a`;
    const { metrics } = await trainTokenizer(config, { backend, directory });
    await refused(
      trainTokenizer(config, { backend, directory }),
      /contains a finished run; choose/,
    );
    const again = await trainTokenizer(config, { backend, directory, resume: "always" });
    assert.deepEqual(again.metrics, metrics);
    const drifting = await tinyConfig(directory, [
      "model.patchSize=4",
      "tokenizer.updatesDuringPretraining=true",
    ]);
    await refused(
      pretrain(drifting, { backend }),
      /codes of k-means.*updatesDuringPretraining=false/,
    );
  }));
