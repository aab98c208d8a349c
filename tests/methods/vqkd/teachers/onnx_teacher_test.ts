import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { DownloadOptions } from "../../../../checkpoints/hub/download.ts";
import { openSafetensors } from "../../../../checkpoints/safetensors/safetensors.ts";
import { toFloat32 } from "../../../../checkpoints/tensors/tensor_data.ts";
import { UserError } from "../../../../core/errors.ts";
import { shapesSource } from "../../../../data/sources/shapes_source.ts";
import { tf } from "../../../../deps/tfjs.ts";
import { parseConfig } from "../../../../methods/configs.ts";
import { kindOf } from "../../../../methods/vqkd/teachers/mod.ts";
import type { OnnxSettings } from "../../../../methods/vqkd/teachers/onnx_settings.ts";
import type { RunEvent } from "../../../../pipeline/engine/events.ts";
import { hasAdapter } from "../../../backends/webgpu/_adapter.ts";
import { onReference, valuesOf } from "../../../models/_tiny.ts";
import { withFolder } from "../../../tasks/_tiny.ts";
import { figuresOf, stepsOf, tinyTokenizerConfig } from "../../../tasks/_tiny_tokenizer.ts";

const folder = fileURLToPath(new URL("../../../fixtures/onnx/", import.meta.url));

async function expectedOf(name: string) {
  const file = await openSafetensors(`${folder}expected.safetensors`);
  const read = async (key: string) => (await file.read(`${name}.${key}`));
  const names = file.names().filter((key) => key.startsWith(`${name}.`));
  const pictures = await read("pictures");
  const values = new Map<string, Float32Array>();
  for (const key of names) {
    if (key !== `${name}.pictures`) {
      values.set(key.slice(name.length + 1), toFloat32(await file.read(key)));
    }
  }
  file.close();
  return { pixels: pictures.data as Uint8Array, size: pictures.shape[1], values };
}

/** What a model gives for its pictures, on a grid of that many patches a side. */
async function targetsOf(
  name: string,
  path: string,
  side: number,
  settings: Partial<OnnxSettings> = {},
  downloads: DownloadOptions = {},
) {
  const { pixels, size, values } = await expectedOf(name);
  let found: { targets: Float32Array; targetDim: number } | undefined;
  await onReference(async (on) => {
    const config = parseConfig({
      task: "tokenizer",
      model: { imageSize: size * side, patchSize: size },
      data: { workers: 0, source: "sample" },
      teacher: {
        name: "onnx",
        checkpoint: path.startsWith("http") ? path : `${folder}${path}`,
        onnx: { runtime: "wasm", ...settings },
      },
    });
    const { kind, settings: section } = kindOf(config.teacher);
    const source = shapesSource(3, 1);
    const teacher = await kind.open({
      ...{ on, config, settings: section, source, kept: null, listener: () => {}, downloads },
    });
    try {
      const { targetDim } = teacher;
      const targets = await valuesOf(on, () => {
        const images01 = tf.zeros([3, 3, size, size]);
        return teacher.targets(on, { images01, pixels });
      });
      found = { targets, targetDim };
    } finally {
      teacher.dispose();
    }
  });
  return { ...found!, values };
}

function assertClose(found: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: number) {
  assert.equal(found.length, wanted.length);
  const worst = Array.from(wanted, (x, i) => Math.abs(x - found[i])).reduce((a, b) =>
    Math.max(a, b)
  );
  assert.ok(worst < tolerance, `${worst}`);
}

/** Maps [B, C, P] as rows [B, P, C]. */
function toRows(map: Float32Array, channels: number, places: number): Float32Array {
  return map.map((_, index) => {
    const [image, place] = [
      Math.floor(index / channels / places),
      Math.floor(index / channels) % places,
    ];
    return map[(image * channels + index % channels) * places + place];
  });
}

/** Tokens [B, N, C] without the first ones. */
function withoutPrefix(tokens: Float32Array, prefix: number, width: number): Float32Array {
  const length = tokens.length / 3;
  return tokens.filter((_, index) => index % length >= prefix * width);
}

for (const runtime of ["wasm", "native"] as const) {
  Deno.test(`a convolutional network's map teaches as onnxruntime in Python computes it: ${runtime}`, async () => {
    const own = { outputs: ["fine"], inputSize: 24, runtime };
    const { targets, targetDim, values } = await targetsOf("cnn", "cnn.onnx", 6, own);
    assert.equal(targetDim, 6);
    assertClose(targets, toRows(values.get("fine")!, 6, 36), 1e-4);
    const resampled = await targetsOf("cnn", "cnn.onnx", 4, own);
    assertClose(resampled.targets, values.get("grid")!, 1e-4);
  });

  Deno.test(`DINOv2's folder teaches by its patches, without class and registers: ${runtime}`, async () => {
    const { targets, targetDim, values } = await targetsOf("dinov2", "dinov2", 6, { runtime });
    assert.equal(targetDim, 16);
    assertClose(targets, withoutPrefix(values.get("last_hidden_state")!, 5, 16), 1e-4);
    const resampled = await targetsOf("dinov2", "dinov2/onnx/model.onnx", 4, { runtime });
    assertClose(resampled.targets, values.get("grid")!, 1e-4);
  });

  Deno.test(`CLIP teaches one image at a time, normalised by the file's metadata: ${runtime}`, async () => {
    const { targets, values } = await targetsOf("clip", "clip.onnx", 4, { runtime });
    assertClose(targets, withoutPrefix(values.get("last_hidden_state")!, 1, 16), 1e-4);
    assertClose(targets, values.get("grid")!, 1e-4);
  });

  Deno.test(`a model in float16 teaches to its own accuracy: ${runtime}`, async () => {
    const own = { outputs: ["fine"], inputSize: 24, runtime };
    const { targets, values } = await targetsOf("half", "half.onnx", 4, own);
    assertClose(targets, values.get("grid")!, 1e-3);
  });
}

Deno.test({
  name: "a convolutional network's map teaches as onnxruntime in Python computes it: webgpu",
  ignore: !hasAdapter,
  fn: async () => {
    const own: Partial<OnnxSettings> = { outputs: ["fine"], inputSize: 24, runtime: "webgpu" };
    const { targets, values } = await targetsOf("cnn", "cnn.onnx", 4, own);
    assertClose(targets, values.get("grid")!, 1e-4);
  },
});

Deno.test("a model from an address is downloaded once", async () => {
  const directory = await Deno.makeTempDir();
  let requests = 0;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
    requests++;
    return new Response(Deno.readFileSync(`${folder}cnn.onnx`));
  });
  try {
    const address = `http://127.0.0.1:${server.addr.port}/models/cnn.onnx`;
    const settings = { outputs: ["fine"], inputSize: 24 };
    const { targets } = await targetsOf("cnn", address, 6, settings, { directory });
    const again = await targetsOf("cnn", address, 6, settings, { directory });
    assert.deepEqual(again.targets, targets);
    assert.equal(requests, 1);
  } finally {
    await server.shutdown();
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("features come from the cache: a second run sees no image, and learns the same", () =>
  withFolder(async (cache, backend) => {
    const config = await tinyTokenizerConfig([
      "teacher.name=onnx",
      `teacher.checkpoint=${folder}cnn.onnx`,
      "teacher.onnx.runtime=wasm",
      "teacher.onnx.whiten=4",
      "teacher.onnx.fitImages=20",
      "augment.cropsPerImage=1",
      "schedule.steps=3",
      `teacher.cache.directory=${cache}`,
    ]);
    const notes: string[] = [];
    const listener = (event: RunEvent) => {
      if (event.type === "note") notes.push(event.message);
    };
    const first = figuresOf(await stepsOf(config, { backend, listener }));
    const second = figuresOf(await stepsOf(config, { backend, listener }));
    assert.deepEqual(second, first);
    const seen = notes.filter((text) => text.startsWith("The teacher saw"));
    assert.deepEqual(seen, [
      "The teacher saw 24 crops; the features of 0 were cached",
      "The teacher saw 0 crops; the features of 24 were cached",
    ]);
  }));

Deno.test("several outputs are joined, each of length 1", async () => {
  const { targets, targetDim } = await targetsOf("cnn", "cnn.onnx", 6, { inputSize: 24 });
  assert.equal(targetDim, 16);
  for (const [start, end] of [[0, 6], [6, 16]]) {
    for (let row = 0; row < targets.length / 16; row++) {
      const own = Array.from(targets.slice(row * 16 + start, row * 16 + end));
      assertClose([Math.hypot(...own)], [1], 1e-5);
    }
  }
});

Deno.test("a model that takes any size sees as many places as there are patches", async () => {
  // Its finest output shrinks images by 4: 16 px for 4 × 4 patches.
  const { targets } = await targetsOf("cnn", "cnn.onnx", 4, { outputs: ["fine"] });
  const { targets: told } = await targetsOf("cnn", "cnn.onnx", 4, {
    outputs: ["fine"],
    inputSize: 16,
  });
  assert.deepEqual(targets, told);
});

Deno.test("an output that is no grid is refused with what was found", async () => {
  for (
    const [path, settings, message] of [
      [
        "cnn.onnx",
        { outputs: ["deep"] },
        /has no such features by place; its outputs .* fine, coarse$/,
      ],
      [
        "dinov2",
        { prefixTokens: 3 },
        /41 tokens are no square grid after 3 others; give the number/,
      ],
      ["none", {}, /Cannot find the weights/],
      ["expected.safetensors", {}, /Cannot find an ONNX model in ".*expected.safetensors"/],
    ] as const
  ) {
    await assert.rejects(
      targetsOf("cnn", path, 4, settings as Partial<OnnxSettings>),
      (error: Error) => {
        assert.ok(error instanceof UserError, String(error.stack));
        assert.match(error.message, message);
        return true;
      },
    );
  }
});
