import assert from "node:assert/strict";
import { pretrain, resolveConfig } from "../../../../mod.ts";

/** WebAssembly memories that may not grow beyond so many bytes, until told otherwise. */
function boundedMemories(mostBytes: number): () => void {
  const { prototype } = WebAssembly.Memory;
  const { grow } = prototype;
  prototype.grow = function (this: WebAssembly.Memory, pages: number) {
    const bytes = this.buffer.byteLength + Number(pages) * 65536;
    if (bytes > mostBytes) throw new RangeError("WebAssembly.Memory.grow(): no memory");
    return grow.call(this, pages);
  };
  return () => void (prototype.grow = grow);
}

Deno.test("a run whose arena is full takes half the images at a time", async () => {
  const { config } = await resolveConfig({
    task: "pretrain",
    overrides: [
      "batchSize=32",
      "model.embedDim=256",
      "schedule.maxSteps=1",
      "backend.name=cpu",
      "precision=float32",
      "data.workers=0",
      "evaluation.knn.atEnd=false",
      "evaluation.linear.atEnd=false",
    ],
  });
  const free = boundedMemories(200 * 2 ** 20);
  const chosen: number[] = [];
  const warnings: string[] = [];
  try {
    const { step } = await pretrain(config, {
      directory: null,
      onMicroBatch: (images) => chosen.push(images),
      listener(event) {
        if (event.type !== "warning") return;
        warnings.push(event.message);
        free();
      },
    });
    assert.equal(step, 1);
    assert.deepEqual(chosen, [32, 16]);
    assert.match(
      warnings[0],
      /^Cannot allocate \d+ bytes on the cpu backend: \d+ of at most \d+ bytes are in use; .*Trying again with at most 16 images at a time$/,
    );
  } finally {
    free();
  }
});
