import assert from "node:assert/strict";
import { studyParts } from "../../../bench/study/parts.ts";
import { tinyStudy } from "./_tiny_study.ts";

Deno.test("without a pretraining, the features are of the network that is fine-tuned", async () => {
  const study = tinyStudy();
  const { scratch } = study.arms;
  const arms = {
    ...study.arms,
    scratch: { ...scratch, finetune: { ...scratch.finetune, "model.depth": 3 } },
  };
  const parts = await studyParts({ ...study, arms }, {
    sources: new Map([["pictures", "pictures.zip"]]),
    directoryOf: (id) => `runs/${id}`,
  });
  const depths = parts.flatMap((part) =>
    part.kind === "features" || part.kind === "finetune"
      ? [[part.arm, part.kind, part.config.model.depth]]
      : []
  );
  assert.ok(
    depths.some(([arm, kind, depth]) => arm === "scratch" && kind === "features" && depth === 3),
  );
  assert.ok(depths.every(([arm, , depth]) => depth === (arm === "scratch" ? 3 : 2)), `${depths}`);
});
