import assert from "node:assert/strict";
import { Generator } from "../../../core/generator.ts";
import { drawBlockKeep, drawKeep, dropPathRates } from "../../../models/layers/drop_path.ts";
import { onReference } from "../_tiny.ts";

Deno.test("rates rise evenly from nothing to the full rate", () => {
  assert.deepEqual(dropPathRates(0.2, 3), [0, 0.1, 0.2]);
  assert.deepEqual(dropPathRates(0.2, 1), [0]);
});

Deno.test("kept samples are scaled so that the mean stays", () => {
  const keep = drawKeep(Generator.from(1), 20_000, 0.25)!;
  assert.deepEqual([...new Set(keep)].sort(), [0, Math.fround(1 / 0.75)]);
  const mean = keep.reduce((sum, value) => sum + value, 0) / keep.length;
  assert.ok(Math.abs(mean - 1) < 0.02, `${mean}`);
});

Deno.test("drawing twice keeps the MLP branch with the square of the probability", async () => {
  await onReference((on) => {
    on.backend.run(() => {
      const source = { generator: Generator.from(1), first: 0, batch: 20_000, twice: true };
      const [attention, mlp] = drawBlockKeep(source, "blocks.1", 0.25);
      const kept = (values: ArrayLike<number>) =>
        Array.from(values).filter((x) => x > 0).length / 2e4;
      assert.ok(Math.abs(kept(attention!.dataSync()) - 0.75) < 0.02);
      assert.ok(Math.abs(kept(mlp!.dataSync()) - 0.75 ** 2) < 0.02);
      attention!.dispose();
      mlp!.dispose();
    });
  });
});
