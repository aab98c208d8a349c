import assert from "node:assert/strict";
import { UserError } from "../../core/errors.ts";
import { initialiseFrom, type NamedValues, ParameterSet } from "../../models/parameter_set.ts";
import { onReference } from "./_tiny.ts";

const specs = [
  { name: "a.weight", shape: [2, 2] },
  { name: "a.counter", shape: [1], isTrainable: false },
];
const ones = (spec: { shape: readonly number[] }) =>
  new Float32Array(spec.shape.reduce((a, b) => a * b, 1)).fill(1);
const named = (shape: number[], ...values: number[]): NamedValues => ({
  shape,
  values: Float32Array.from(values),
});

Deno.test("scopes see the names below them; buffers do not train", async () => {
  await onReference((on) => {
    const parameters = ParameterSet.create(on, specs, ones);
    const scope = parameters.scope("a");
    assert.deepEqual(scope.value("weight").shape, [2, 2]);
    assert.equal(scope.has("bias"), false);
    assert.throws(() => scope.value("bias"), /No parameter "a\.bias"/);
    assert.deepEqual(parameters.trainable.map(({ name }) => name), ["a.weight"]);
    assert.equal(parameters.count, 4);
    parameters.dispose();
  });
});

Deno.test("loading replaces what is there, and tells what was not", async () => {
  await onReference(async (on) => {
    const parameters = ParameterSet.create(on, specs, ones);
    const values = new Map([["a.weight", named([2, 2], 1, 2, 3, 4)], ["b", named([1], 5)]]);
    const report = parameters.load(on, values);
    assert.deepEqual(report, { missing: ["a.counter"], unexpected: ["b"] });
    const exported = await parameters.export();
    assert.deepEqual([...exported.get("a.weight")!.values], [1, 2, 3, 4]);
    parameters.dispose();
  });
});

Deno.test("another shape is the user's mistake, and changes nothing", async () => {
  await onReference(async (on) => {
    const parameters = ParameterSet.create(on, specs, ones);
    const values = new Map([["a.counter", named([1], 9)], ["a.weight", named([4], 1, 2, 3, 4)]]);
    assert.throws(() => parameters.load(on, values), (error: Error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /^Cannot load "a\.weight": expected shape \[2, 2\], found \[4\]/);
      return true;
    });
    const exported = await parameters.export();
    assert.deepEqual([...exported.get("a.counter")!.values], [1]);
    parameters.dispose();
  });
});

Deno.test("a checkpoint as starting values: missing ones are an error unless there is another way", () => {
  const values = new Map([["a.weight", named([2, 2], 1, 2, 3, 4)]]);
  assert.deepEqual([...initialiseFrom(values, null)(specs[0])], [1, 2, 3, 4]);
  assert.deepEqual([...initialiseFrom(values, ones)(specs[1])], [1]);
  assert.throws(() => initialiseFrom(values, null)(specs[1]), /"a\.counter": it is missing/);
});
