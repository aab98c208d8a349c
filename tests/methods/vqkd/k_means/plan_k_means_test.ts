import assert from "node:assert/strict";
import { measureKMeans, planKMeans } from "../../../../methods/vqkd/k_means/plan_k_means.ts";
import { tinyTokenizerConfig } from "../../../tasks/_tiny_tokenizer.ts";

const config = await tinyTokenizerConfig([
  "method=kMeans",
  "kMeans.tokensPerCode=100",
  "teacher.name=pixels",
  "model.patchSize=4",
]);

Deno.test("k-means is planned from the images that its codes are fitted to", async () => {
  const { memory, disk, ...plan } = await planKMeans(config);
  // 3200 patches, 16 of each image; a patch has 48 values.
  assert.deepEqual(plan, {
    ...{ images: 5600, fittedImages: 200, fittedTokens: 3200, codes: 32, tokensPerCode: 100 },
  });
  const codes = 4 * 32 * 48;
  const features = 3 * 4 * 3200 * 48;
  assert.deepEqual(memory, { teacher: 0, features, codes, peak: features + codes });
  assert.equal(disk.atMost, codes);
  const few = { ...config, kMeans: { ...config.kMeans, tokensPerCode: 1e6 } };
  assert.equal((await planKMeans(few)).fittedImages, 5600);
});

Deno.test("k-means is measured on a few batches, by the teacher's time and the codes'", async () => {
  const notes: string[] = [];
  const measured = await measureKMeans(config, { onNote: (note) => notes.push(note) });
  const { featureWidth, imagesPerSecond, ...seconds } = measured!;
  assert.equal(featureWidth, 48);
  assert.equal(seconds.secondsToComputeFeatures, 200 / Number(imagesPerSecond));
  assert.ok(Number(seconds.secondsToFitCodes) > 0);
  assert.equal(
    seconds.secondsToFinish,
    Number(seconds.secondsToComputeFeatures) + Number(seconds.secondsToFitCodes),
  );
  assert.equal(notes.length, 1);
  assert.equal(await measureKMeans(config, { signal: AbortSignal.abort() }), null);
});
