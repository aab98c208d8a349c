import assert from "node:assert/strict";
import { type BackendName, createBackend } from "../../backends/mod.ts";
import { UserError } from "../../core/errors.ts";
import { tf } from "../../deps/tfjs.ts";

Deno.test("an unknown name is answered with those that exist and the nearest", async () => {
  await assert.rejects(createBackend("referense" as BackendName), (error) => {
    assert(error instanceof UserError);
    assert.equal(
      error.message,
      'Cannot start backend "referense": expected auto, reference, cpu, webgpu or tfjs:<name>; ' +
        'did you mean "reference"?',
    );
    return true;
  });
});

Deno.test("tfjs backends are found by name, and an unknown one is refused", async () => {
  await createBackend("reference"); // registers tfjs' cpu backend
  const { backend } = await createBackend("tfjs:cpu");
  assert.equal(backend.name, "tfjs:cpu");
  assert.equal(backend.run(() => tf.getBackend()), "cpu");
  assert.deepEqual(backend.kernels, {});
  await backend.sync();
  await backend.dispose();
  await assert.rejects(
    createBackend("tfjs:nothing"),
    /Cannot start backend "tfjs:nothing": tfjs has/,
  );
});

Deno.test({
  name: "auto starts webgpu on a real GPU only, else cpu with a note that says why",
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    const { backend, notes } = await createBackend("auto", { threads: 1 });
    if (backend.name === "webgpu") {
      assert.deepEqual(notes, []);
    } else {
      assert.equal(backend.name, "cpu");
      assert.equal(backend.capabilities.threads, 1);
      assert.equal(notes.length, 1);
      assert.match(notes[0], /^webgpu not used: ./);
    }
    await backend.dispose();
  },
});
