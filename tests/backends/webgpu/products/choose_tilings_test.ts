import assert from "node:assert/strict";
import { summarizeAdapter } from "../../../../backends/webgpu/adapter.ts";
import {
  CANDIDATES,
  chooseTilings,
  fits,
} from "../../../../backends/webgpu/products/choose_tilings.ts";
import { TILINGS } from "../../../../backends/webgpu/products/tilings.ts";
import { openRunner } from "../../../../backends/webgpu/open_runner.ts";
import { hasAdapter } from "../_adapter.ts";

const samples = { large: [128, 128, 128], medium: [128, 128, 32] } as const;

Deno.test({
  name: "tilings are timed once for an adapter, each in both classes; imitated GPUs are known",
  ignore: !hasAdapter,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    const { adapter, runner, runtime, slot } = await openRunner();
    try {
      const summary = { ...summarizeAdapter(adapter), isSoftware: false };
      const measurements = new Map<string, unknown>();
      const count = async (description: string, isSoftware = false) => {
        const before = runtime.dispatches;
        const choice = await chooseTilings(
          runner,
          { ...summary, description, isSoftware },
          { samples, measurements },
        );
        return { choice, dispatches: runtime.dispatches - before };
      };
      const imitated = await count("imitated", true);
      assert.equal(imitated.dispatches, 0);
      if (!summary.features.includes("timestamp-query")) return;

      const first = await count("a GPU");
      assert.ok(first.choice.large in TILINGS && first.choice.medium in TILINGS);
      const kinds = CANDIDATES.filter((name) => fits(name, runtime.device.limits)).length *
        Object.keys(samples).length;
      assert.ok(first.dispatches >= 2 * 4 * kinds, `${first.dispatches} dispatches`);
      assert.deepEqual(await count("a GPU"), { choice: first.choice, dispatches: 0 });
      assert.ok((await count("another GPU")).dispatches > 0);
      for (const key of measurements.keys()) measurements.set(key, { large: "gone" });
      assert.ok((await count("a GPU")).dispatches > 0, "a tiling that is no more was taken");
    } finally {
      slot.remove();
    }
  },
});
