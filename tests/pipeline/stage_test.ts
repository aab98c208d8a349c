import assert from "node:assert/strict";
import { Stopwatch } from "../../core/clock.ts";
import { pipeline, type StepContext } from "../../pipeline/stage.ts";

const context = () => ({ stopwatch: new Stopwatch() }) as StepContext;
const addOne = { name: "addOne", run: (n: number) => n + 1 } as const;
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
    run: (_: number): Promise<number> => Promise.reject(new Error("no")),
  } as const;
  await assert.rejects(async () => await pipeline(addOne).to(broken).run(1, context()), /no/);
});
