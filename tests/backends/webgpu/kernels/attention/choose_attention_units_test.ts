import assert from "node:assert/strict";
import { ATTENTION_UNITS } from "../../../../../backends/webgpu/kernels/attention/attention_units.ts";
import { dawnTest, resultOf } from "../../dawn/_with_dawn.ts";

interface Found {
  readonly flaws: Readonly<Record<string, string | null>>;
  readonly order: readonly string[];
  readonly dispatches: readonly number[];
}

/** The first tiling is checked when a backend starts; `MIMIC_DAWN=.` checks all, which takes a minute more. */
const pattern = Deno.env.get("MIMIC_DAWN") ?? "^units64x64$";

dawnTest("attention is right with tiles of several parts, in as many dispatches", async () => {
  const { flaws, order, dispatches } = await resultOf<Found>("_flaws.ts", ["attention", pattern]);
  const names = Object.keys(ATTENTION_UNITS).filter((name) => new RegExp(pattern).test(name));
  assert.deepEqual(
    flaws,
    Object.fromEntries(
      names.flatMap((name) => [[`${name} forward`, null], [`${name} backward`, null]]),
    ),
  );
  assert.deepEqual(order.toSorted(), ["threads", names[0]]);
  assert.equal(dispatches[0], dispatches[1]);
});
