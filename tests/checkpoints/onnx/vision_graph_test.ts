import assert from "node:assert/strict";
import type { OnnxContent, OnnxValue } from "../../../checkpoints/onnx/read_onnx.ts";
import { prefixTokens, visionGraph } from "../../../checkpoints/onnx/vision_graph.ts";

const images: OnnxValue = { name: "images", shape: ["batch", 3, "height", "width"], dtype: "F32" };
const map: OnnxValue = { name: "map", shape: ["batch", 8, "h", "w"], dtype: "F32" };
const tokens = (name: string): OnnxValue => ({ name, shape: ["batch", 17, 16], dtype: "F32" });

function content(
  inputs: readonly OnnxValue[],
  outputs: readonly OnnxValue[],
  tensors: OnnxContent["tensors"] = [],
): OnnxContent {
  return { bytes: 0, producer: "", opset: 17, metadata: {}, inputs, outputs, tensors };
}

Deno.test("the last hidden state is taken, else all maps, else the last tokens", () => {
  const chosen = (...outputs: OnnxValue[]) => visionGraph(content([images], outputs)).chosen;
  assert.deepEqual(chosen(tokens("early"), tokens("last_hidden_state"), map), [
    "last_hidden_state",
  ]);
  assert.deepEqual(chosen(map, tokens("a"), { ...map, name: "fine" }), ["map", "fine"]);
  assert.deepEqual(chosen(tokens("a"), tokens("b")), ["b"]);
  const attention = { name: "attentions.0", shape: ["batch", 2, 17, 17] };
  assert.deepEqual(chosen(tokens("a"), attention), ["a"]);
});

Deno.test("weights that a file lists as inputs are no inputs", () => {
  const weight = { name: "w", dtype: "F32", shape: [8, 3, 4, 4] } as const;
  const { input, patchSize } = visionGraph(
    content([images, { ...weight }], [tokens("a")], [weight]),
  );
  assert.deepEqual([input, patchSize], ["images", 4]);
});

Deno.test("an unfit file is refused in one line that says what was found", () => {
  const refused = (inputs: OnnxValue[], outputs: OnnxValue[], message: string) =>
    assert.throws(() => visionGraph(content(inputs, outputs)), { name: "UserError", message });
  const expected = "expected one input of images, F32 or F16 [batch, 3, height, width], found ";
  const text: OnnxValue = { name: "input_ids", shape: ["batch", 77], dtype: "I64" };
  refused([text], [map], `${expected}input_ids I64[batch, 77]`);
  refused(
    [images, text],
    [map],
    `${expected}images F32[batch, 3, height, width], input_ids I64[batch, 77]; export the vision ` +
      "model alone",
  );
  refused(
    [{ name: "x", shape: ["batch", 224, 224, 3], dtype: "F32" }],
    [map],
    `${expected}x F32[batch, 224, 224, 3]`,
  );
  refused([{ ...images, dtype: "U8" }], [map], `${expected}images U8[batch, 3, height, width]`);
  refused(
    [{ ...images, shape: [1, 3, 224, 192] }],
    [map],
    "expected square images, found [1, 3, 224, 192] for images",
  );
  refused(
    [images],
    [{ name: "logits", shape: ["batch", 1000], dtype: "F32" }],
    "expected features by place, a map [batch, C, H, W] or tokens [batch, N, C], found " +
      "logits F32[batch, 1000]; export it with its last hidden state or a feature map as an output",
  );
});

Deno.test("class and register tokens are what is left of a square", () => {
  assert.equal(prefixTokens(257, 224, 14), 1);
  assert.equal(prefixTokens(261, 224, 14), 5);
  assert.equal(prefixTokens(196, 224, 16), 0);
  assert.equal(prefixTokens(50, 224, null), 1);
  // A kernel that is not the patch embedding's.
  assert.equal(prefixTokens(50, 224, 7), 1);
  assert.equal(prefixTokens(63, 224, null), 14);
  assert.equal(prefixTokens(1000, 224, null), null);
});
