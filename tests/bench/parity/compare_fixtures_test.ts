import assert from "node:assert/strict";
import { compareFixtures, listFixtures } from "../../../bench/parity/compare_fixtures.ts";
import { testedBackends, withBackend } from "./_backends.ts";
import { allFixtures } from "./_folder.ts";

const folder = allFixtures();

Deno.test("all fixtures of the tests are known", () => {
  assert.deepEqual(listFixtures(folder), [
    "eval_misc",
    "finetune",
    "image_transforms",
    "lr_schedules",
    "mask_generator",
    "mim_forward_a",
    "mim_forward_b",
    "mim_geometry224",
    "param_groups",
    "rel_pos",
    "vqkd_a",
    "vqkd_b",
  ]);
});

for (const name of testedBackends) {
  for (const fixture of listFixtures(folder, { skipsBackendFree: name !== "reference" })) {
    Deno.test(`${name}: ${fixture} is as the reference computed it`, async () => {
      await withBackend(name, async (backend) => {
        const before = backend.memory().tensors;
        const rows = await compareFixtures(folder, backend, { only: [fixture] });
        assert.ok(rows.length > 0);
        assert.deepEqual(rows.filter(({ ok }) => !ok), []);
        assert.equal(backend.memory().tensors, before, "tensors are left over");
      });
    });
  }
}

for (const name of testedBackends) {
  Deno.test(`${name}: reduced precision stays near the reference`, async () => {
    await withBackend(name, async (backend) => {
      for (const precision of backend.capabilities.reducedPrecisions) {
        const rows = await compareFixtures(folder, backend, { precision });
        assert.ok(rows.length > 20);
        assert.deepEqual(rows.filter(({ ok }) => !ok), [], precision);
        const isRounded = rows.some(({ quantity, maxRel }) =>
          quantity === "logits" && maxRel > 1e-5
        );
        assert.ok(isRounded, `${precision} is float32`);
      }
    });
  });
}
