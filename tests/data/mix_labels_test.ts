import assert from "node:assert/strict";
import { UserError } from "../../core/errors.ts";
import { softLabels } from "../../data/augment/mix.ts";

Deno.test("softLabels() writes no label outside its image's row", () => {
  for (const label of [-1, 2, 7]) {
    for (const partners of [undefined, Uint32Array.of(1, 0)]) {
      const draw = partners === undefined ? {} : { draw: { lambda: 0.7, partners } };
      assert.throws(() => softLabels(Int32Array.of(0, label), 2, draw), (error) => {
        assert.ok(error instanceof UserError);
        assert.match(error.message, new RegExp(`label ${label}: the model has 2 classes`));
        return true;
      });
    }
  }
});
