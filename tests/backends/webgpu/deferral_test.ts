import assert from "node:assert/strict";
import type { Tensor } from "../../../deps/tfjs.ts";
import { Deferrals } from "../../../backends/webgpu/deferral.ts";

/** Tensors are their identities; the owner counts references to them. */
function setUp() {
  const counts = new Map<object, number>();
  const owner = {
    incRef: (id: object) => void counts.set(id, (counts.get(id) ?? 1) + 1),
    disposeData(id: object) {
      counts.set(id, (counts.get(id) ?? 1) - 1);
      return false;
    },
  };
  const tensor = () => ({ dataId: {} }) as Tensor;
  const done: string[] = [];
  const work = (kind: string) => ({ kind, args: kind, run: () => void done.push(kind) });
  return { deferrals: new Deferrals(owner), counts, tensor, done, work };
}

Deno.test("deferred work is done when its result is wanted, once, with its inputs alive", () => {
  const { deferrals, counts, tensor, done, work } = setUp();
  const [x, y] = [tensor(), tensor()];
  deferrals.defer([x, null], [y], work("a"));
  assert.deepEqual(done, []);
  assert.equal(counts.get(x.dataId), 2);
  deferrals.settle(y.dataId);
  deferrals.settle(y.dataId);
  assert.deepEqual(done, ["a"]);
  assert.equal(counts.get(x.dataId), 1);
});

Deno.test("work that reads deferred results comes after them", () => {
  const { deferrals, tensor, done, work } = setUp();
  const [x, y, z] = [tensor(), tensor(), tensor()];
  deferrals.defer([x], [y], work("first"));
  deferrals.defer([y], [z], work("second"));
  deferrals.settleAll();
  assert.deepEqual(done, ["first", "second"]);
});

Deno.test("only the right kind is handed over, and only by its first result", () => {
  const { deferrals, counts, tensor, done, work } = setUp();
  const [x, y, z] = [tensor(), tensor(), tensor()];
  deferrals.defer([x], [y, z], work("norm"));
  assert.equal(deferrals.take(y, "residual"), null);
  assert.equal(deferrals.take(z, "norm"), null);
  const taken = deferrals.take(y, "norm")!;
  assert.equal(taken.args, "norm");
  assert.equal(counts.get(x.dataId), 2);
  taken.done();
  assert.equal(counts.get(x.dataId), 1);
  deferrals.settle(z.dataId);
  assert.deepEqual(done, []);
});

Deno.test("what nobody wants is not done, unless others may want the rest of it", () => {
  const { deferrals, counts, tensor, done, work } = setUp();
  const [x, y, z] = [tensor(), tensor(), tensor()];
  deferrals.defer([x], [y], work("a"));
  deferrals.forget(y.dataId);
  assert.deepEqual(done, []);
  assert.equal(counts.get(x.dataId), 1);
  deferrals.defer([x], [y, z], work("b"));
  deferrals.forget(y.dataId);
  assert.deepEqual(done, ["b"]);
});
