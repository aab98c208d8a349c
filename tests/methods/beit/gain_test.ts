import assert from "node:assert/strict";
import { describeGain, GainRecord } from "../../../methods/beit/gain.ts";

/** The record of a run whose loss falls by `fall` with noise of ±0.1. */
function recordOf(fall: number): GainRecord {
  const record = new GainRecord(200);
  for (let step = 0; step < 200; step++) {
    record.add(5 - fall * step / 200 + (step % 2 === 0 ? 0.1 : -0.1));
  }
  return record;
}

Deno.test("a gain is one beyond the noise of the losses", () => {
  const { gain } = recordOf(1);
  assert.ok(gain!.isGain && gain!.steps === 20 && gain!.endLoss < gain!.startLoss - 0.8);
  assert.match(
    describeGain(gain!),
    /^Gained on the checkpoint: loss 4\.9\d+ in the first 20 steps/,
  );
  const none = recordOf(0.02).gain!;
  assert.ok(!none.isGain && none.endLoss < none.startLoss, "a little lower, by chance");
  assert.match(describeGain(none), /^Nothing was gained/);
  assert.ok(!recordOf(-1).gain!.isGain, "a loss that rises");
});

Deno.test("GainRecord ignores losses that are not finite, and goes on from a checkpoint", () => {
  const record = recordOf(1);
  record.add(NaN);
  const resumed = new GainRecord(200);
  resumed.load(record.export() as never);
  for (const one of [record, resumed]) one.add(3);
  assert.ok(Math.abs(resumed.gain!.endLoss - record.gain!.endLoss) < 1e-6);
  assert.equal(new GainRecord(200).gain, null);
});
