import assert from "node:assert/strict";
import { hasWeightDecay, parameterGroups } from "../../../pipeline/optimize/parameter_groups.ts";

const decayed = (name: string, shape: number[]) => ({
  mmselfsup: hasWeightDecay({ name, shape }, "mmselfsup"),
  unilm: hasWeightDecay({ name, shape }, "unilm"),
});

Deno.test("the two no-decay rules differ where they are known to", () => {
  assert.deepEqual(decayed("norm.weight", [8]), { mmselfsup: true, unilm: false });
  assert.deepEqual(decayed("norm.bias", [8]), { mmselfsup: false, unilm: false });
  assert.deepEqual(decayed("mask_token", [1, 1, 8]), { mmselfsup: true, unilm: true });
  assert.deepEqual(decayed("cls_token", [1, 1, 8]), { mmselfsup: false, unilm: false });
  const table = "rel_pos_bias.relative_position_bias_table";
  assert.deepEqual(decayed(table, [52, 4]), { mmselfsup: true, unilm: true });
  assert.deepEqual(decayed("blocks.0.attn.q_bias", [8]), { mmselfsup: false, unilm: false });
  assert.deepEqual(decayed("encoder.pos_embed", [1, 5, 8]), { mmselfsup: false, unilm: false });
});

Deno.test("multipliers go by a part of the name and multiply with layer decay", () => {
  const name = "blocks.0.attn.relative_position_bias_table";
  const groups = parameterGroups([{ name, shape: [4, 2] }], {
    variant: "mmselfsup",
    weightDecay: 0.1,
    layerDecay: { rate: 0.5, depth: 1 },
    multipliers: [{ pattern: "relative_position_bias_table", factor: 10 }],
  });
  assert.deepEqual(groups.get(name), { learningRateScale: 5, weightDecay: 0.1 });
});

Deno.test("mmselfsup-ft30e decays everything but cls token, positions and layer scale", () => {
  const isDecayed = (name: string) => hasWeightDecay({ name, shape: [8] }, "mmselfsup-ft30e");
  const kept = ["cls_token", "pos_embed", "blocks.3.gamma_1", "blocks.3.gamma_2"];
  const lost = [
    "blocks.0.norm1.weight",
    "blocks.0.norm1.bias",
    "blocks.0.attn.q_bias",
    "head.bias",
  ];
  assert.deepEqual(kept.map(isDecayed), kept.map(() => false));
  assert.deepEqual(lost.map(isDecayed), lost.map(() => true));
});
