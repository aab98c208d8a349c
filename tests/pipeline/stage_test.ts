import assert from "node:assert/strict";
import { Stopwatch } from "../../core/clock.ts";
import { Generator } from "../../core/generator.ts";
import type { AugmentedBatch, MaskedBatch } from "../../pipeline/batch.ts";
import {
  type DeviceContext,
  type HostContext,
  type HostStage,
  pipeline,
  type Stage,
  type StepContext,
} from "../../pipeline/stage.ts";

const context = (): HostContext => ({
  ...{ step: 0, microBatch: 0, microBatches: 1, firstImage: 0 },
  generator: Generator.from(1),
  stopwatch: new Stopwatch(),
  signal: new AbortController().signal,
});
const addOne = { name: "addOne", run: (n: number, _: HostContext) => n + 1 } as const;
const toText = { name: "toText", run: (n: number) => `${n}` } as const;
const later = { name: "later", run: (n: number) => Promise.resolve(n * 10) } as const;

Deno.test("pipeline() runs its stages in order and books their time by name", async () => {
  const stages = pipeline(addOne).to(later).to(toText);
  const step = context();
  assert.equal(await stages.run(4, step), "50");
  assert.deepEqual(Object.keys(step.stopwatch.take()), ["addOne", "later", "toText"]);
  assert.equal(stages.name, "addOne → later → toText");
});

Deno.test("pipeline() of synchronous stages returns no promise", () => {
  assert.equal(pipeline(addOne).to(toText).run(1, context()), "2");
});

Deno.test("replace() exchanges one stage and leaves the original as it was", async () => {
  const stages = pipeline(addOne).to(toText);
  const doubled = stages.replace("addOne", { name: "addOne", run: (n: number) => n * 2 });
  assert.equal(await doubled.run(21, context()), "42");
  assert.equal(await stages.run(21, context()), "22");
});

Deno.test("an error of a stage reaches the caller, from a promise too", async () => {
  const broken = {
    name: "broken",
    run: (_: number, __: HostContext): Promise<number> => Promise.reject(new Error("no")),
  } as const;
  await assert.rejects(async () => await pipeline(broken).to(addOne).run(1, context()), /no/);
});

/** What must not compile: the gate type-checks it, and an error that is missing there is one. */
function _refused(
  augment: HostStage<string, AugmentedBatch> & { readonly name: "augment" },
  mask: HostStage<AugmentedBatch, MaskedBatch> & { readonly name: "mask" },
  show: HostStage<MaskedBatch, string> & { readonly name: "show" },
  encode: Stage<MaskedBatch, number> & { readonly name: "encode" },
  anywhere: Stage<MaskedBatch, number, StepContext> & { readonly name: "anywhere" },
  atHost: HostContext,
  onDevice: DeviceContext,
) {
  const masked = pipeline(augment).to(mask);
  masked.to(show);
  masked.to(anywhere);
  pipeline(anywhere).to({ name: "last", run: (n: number, { on }: DeviceContext) => [n, on] });
  // @ts-expect-error `show` wants masks, which no stage has drawn yet
  pipeline(augment).to(show);
  // @ts-expect-error a stage that computes on a device has none before the queue
  masked.to(encode);
  // @ts-expect-error nor does one behind the queue know when the queue closes
  pipeline(encode).to({ name: "fetch", run: (n: number, { signal }: HostContext) => [n, signal] });
  // @ts-expect-error a pipeline before the queue is not run behind it
  masked.run("files", onDevice);
  // @ts-expect-error nor the other way round
  pipeline(encode).run({} as MaskedBatch, atHost);
  // @ts-expect-error a stage before the queue has no place to compute on
  atHost.on.backend;
  // @ts-expect-error and learns nothing
  const _learning: HostStage<string, string> = { name: "a", parameters: [], run: (text) => text };
  // @ts-expect-error the stage in its place must take what the one before it gives
  masked.replace("mask", { name: "mask", run: (batch: MaskedBatch) => batch });
}
