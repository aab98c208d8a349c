import assert from "node:assert/strict";
import { openSafetensors } from "../../../checkpoints/safetensors/safetensors.ts";
import { type TensorData, toFloat32 } from "../../../checkpoints/tensors/tensor_data.ts";
import { relativePositionIndex } from "../../../core/relative_position.ts";
import {
  resizePositionEmbedding,
  resizeRelativeTable,
} from "../../../checkpoints/formats/resize_positions.ts";

const FIXTURE = new URL("../../fixtures/parity/rel_pos.safetensors", import.meta.url);

async function tensors(...names: string[]): Promise<TensorData[]> {
  const file = await openSafetensors(FIXTURE);
  const read = [];
  for (const name of names) read.push(await file.read(name));
  file.close();
  return read;
}

function largestDifference(found: Float32Array, wanted: Float32Array): number {
  assert.equal(found.length, wanted.length);
  return found.reduce((largest, value, i) => Math.max(largest, Math.abs(value - wanted[i])), 0);
}

Deno.test("relativePositionIndex() is that of the reference", async () => {
  for (const side of [2, 3, 4, 14]) {
    const [index] = await tensors(`${side}x${side}.index`);
    assert.deepEqual(relativePositionIndex(side), index.data);
  }
});

Deno.test("resizePositionEmbedding() meets the reference", async () => {
  const [source, wanted] = await tensors("pos_embed.src4x4", "pos_embed.mmcls_bicubic_6x6");
  const resized = resizePositionEmbedding(source, 6);
  assert.deepEqual(resized.shape, [1, 37, 6]);
  assert(largestDifference(toFloat32(resized), toFloat32(wanted)) < 5e-6);
  assert.equal(resizePositionEmbedding(source, 4), source);
});

Deno.test("resizeRelativeTable() meets the reference and keeps the last three rows", async () => {
  const [source, wanted] = await tensors(
    "rel_table.src4x4_without_extra",
    "rel_table.mmcls_geometric_dst11",
  );
  const extra = [1, 2, 3, 4, 5, 6];
  const data = new Float32Array([...toFloat32(source), ...extra]);
  const resized = resizeRelativeTable({ dtype: "F32", shape: [52, 2], data }, 6);
  assert.deepEqual(resized.shape, [124, 2]);
  const values = toFloat32(resized);
  assert(largestDifference(values.subarray(0, 242), toFloat32(wanted)) < 1e-6);
  assert.deepEqual([...values.subarray(242)], extra);
});

Deno.test("resizeRelativeTable() shrinks and grows windows of any size", () => {
  for (const from of [1, 2, 3, 14]) {
    for (const to of [1, 2, 5, 24]) {
      const rows = (2 * from - 1) ** 2 + 3;
      const data = new Float32Array(rows).fill(2.5);
      const resized = resizeRelativeTable({ dtype: "F32", shape: [rows, 1], data }, to);
      for (const value of toFloat32(resized)) assert(Math.abs(value - 2.5) < 1e-5);
    }
  }
});
