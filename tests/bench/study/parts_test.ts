import assert from "node:assert/strict";
import { studyParts } from "../../../bench/study/parts.ts";
import { tinyStudy } from "./_tiny_study.ts";

Deno.test("a setup's network is that of pretraining, features and fine-tuning", async () => {
  const study = tinyStudy();
  const { scratch, vqkd } = study.arms;
  const parts = await studyParts({
    ...study,
    setups: {
      deeper: {
        title: "3 blocks",
        model: { "model.depth": 3 },
        pretrain: { batchSize: 2 },
        finetune: {},
      },
    },
    arms: {
      ...study.arms,
      scratch: { ...scratch, setup: "deeper" },
      vqkd: { ...vqkd, setup: "deeper" },
    },
  }, {
    sources: new Map([["pictures", "pictures.zip"]]),
    directoryOf: (id) => `runs/${id}`,
  });
  const found = parts.flatMap((part) =>
    "arm" in part ? [[part.arm, part.kind, part.config.model.depth, part.config.batchSize]] : []
  );
  for (const [arm, kind, depth, batchSize] of found) {
    const isPretraining = arm === "vqkd" && kind !== "finetune";
    assert.equal(depth, arm === "pixels" ? 2 : 3, `${arm}, ${kind}`);
    assert.equal(batchSize, isPretraining ? 2 : 4, `${arm}, ${kind}`);
  }
  // Features without a pretraining are of the network that is fine-tuned, as it starts.
  for (const [arm, kinds] of [["scratch", 2], ["vqkd", 3], ["pixels", 3]] as const) {
    assert.equal(new Set(found.flatMap(([of, kind]) => of === arm ? [kind] : [])).size, kinds);
  }
});
