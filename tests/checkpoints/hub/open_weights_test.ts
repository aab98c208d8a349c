import assert from "node:assert/strict";
import { findCard } from "../../../checkpoints/hub/cards.ts";
import { expectedTensors } from "../../../checkpoints/formats/expected_tensors.ts";
import { openModel, requireWhole } from "../../../checkpoints/open_model.ts";
import { openWeights } from "../../../checkpoints/hub/open_weights.ts";
import { writePth } from "../../../checkpoints/pth/pth_writer.ts";
import { resolveConfig } from "../../../methods/configs.ts";
import { planPretraining } from "../../../methods/beit/plan.ts";
import { withFolder } from "../../tasks/_tiny.ts";
import { OFFICIAL, officialTensors } from "../_official_keys.ts";

Deno.test("a plan of ViT-B needs no file of its tokenizer's", () =>
  withFolder(async (directory) => {
    const { config } = await resolveConfig({
      task: "pretrain",
      recipe: "beitv2_vit-base-p16_8xb256-amp-coslr-300e_in1k",
      overrides: ["data.source=sample"],
    });
    const names: string[] = [];
    const downloads = { directory, offline: true };
    const plan = await planPretraining(config, {
      downloads: { ...downloads, onStandIn: (name) => names.push(name) },
    });
    assert.deepEqual(names, ["vqkd_encoder"]);
    assert(plan.tokenizerParameters > 86e6 && plan.tokenizerParameters < 87e6);
    // A run needs it.
    await assert.rejects(planPretraining(config, { downloads }), /--offline is set/);
  }));

Deno.test("a file that is there is opened, whatever would stand in", () =>
  withFolder(async (folder) => {
    const path = `${folder}/vqkd_encoder.pth`;
    const model = await officialTensors("unilm_vqkd_3x768x12_clip", "small");
    await writePth(path, { model });
    const options = { onStandIn: () => assert.fail("a stand-in") };
    const opened = await openWeights(path, options);
    assert.equal(opened.shape.codes, 10);
    opened.close();
    const cached = await openWeights("vqkd_encoder", { ...options, directory: folder });
    assert.equal(cached.shape.codes, 10);
    cached.close();
  }));

const CARD_OF = {
  mmselfsup_pretrain_vitb: "beitv2_vit-base-p16_8xb256-amp-coslr-300e_in1k",
  mmselfsup_finetune_vitb: "vit-base-p16_ft-8xb128-coslr-100e_in1k",
  unilm_pretrain_vitb: "beitv2_base_patch16_224_pt1k",
  unilm_finetune_vitb: "beitv2-base_3rdparty_in1k",
  unilm_vqkd_3x768x12_clip: "vqkd_encoder_base_decoder_3x768x12_clip-d5036aa7",
} as const;

for (const list of Object.keys(OFFICIAL) as (keyof typeof OFFICIAL)[]) {
  Deno.test(`the card's shape of ${list} has the tensors of the file`, () =>
    withFolder(async (folder) => {
      const path = `${folder}/official.pth`;
      await writePth(path, { model: await officialTensors(list, "small") });
      const opened = await openModel(path);
      opened.close();
      requireWhole(opened.report, list);
      const { kind, shape } = findCard(CARD_OF[list])!;
      assert.equal(kind, opened.kind);
      const names = [...expectedTensors(kind, shape!).keys()];
      assert.deepEqual(names.sort(), [...opened.tensors.keys()].sort());
    }));
}
