import assert from "node:assert/strict";
import { trainTokenizer } from "../../../../methods/vqkd/method.ts";
import { withFolder } from "../../../tasks/_tiny.ts";
import { figuresOf, stepsOf, tinyTokenizerConfig } from "../../../tasks/_tiny_tokenizer.ts";

/** Pictures that the teacher saw and those it did not need to see, by the note at the end. */
function counts(notes: readonly string[]): number[] {
  const last = notes.findLast((note) => note.startsWith("The teacher saw"))!;
  return [...last.matchAll(/\d+/g)].map(([number]) => Number(number));
}

Deno.test("a tokenizer has bitwise the same figures with a cache of its teacher's features", async () => {
  await withFolder(async (folder, backend) => {
    const short = "schedule.steps=5";
    const cache = `teacher.cache.directory=${folder}/features`;
    const notes: string[] = [];
    const listener = (event: { type: string; message?: string }) => {
      if (event.type === "note") notes.push(event.message!);
    };
    const plain = figuresOf(await stepsOf(await tinyTokenizerConfig([short]), { backend }));
    const config = await tinyTokenizerConfig([short, cache, "microBatchSize=4"]);
    const inParts = figuresOf(
      await stepsOf(await tinyTokenizerConfig([short, "microBatchSize=4"]), { backend }),
    );

    const tensors = backend.memory().tensors;
    assert.deepEqual(
      figuresOf(await stepsOf(await tinyTokenizerConfig([short, cache]), { backend, listener })),
      plain,
      "while it fills",
    );
    assert.deepEqual(counts(notes), [40, 0]);
    assert.deepEqual(figuresOf(await stepsOf(config, { backend, listener })), inParts, "full");
    assert.deepEqual(counts(notes), [0, 40]);
    assert.equal(backend.memory().tensors, tensors);

    // Another teacher finds nothing of it, a later seed has other crops.
    for (const other of ["teacher.hog.globalWeight=0.5", "seed=1"]) {
      await stepsOf(await tinyTokenizerConfig([short, cache, other]), { backend, listener });
      assert.deepEqual(counts(notes), [40, 0], other);
    }
  });
});

Deno.test("crops come again with cropsPerImage, and a stopped run goes on with its cache", async () => {
  await withFolder(async (folder, backend) => {
    const options = ["augment.cropsPerImage=1", "schedule.steps=12", "batchSize=8"];
    const images = 24; // Three steps make an epoch.
    const source = {
      length: images,
      classes: [],
      entry: (index: number) => ({ id: `${index}`, label: -1 }),
      read: (index: number) => {
        const pixels = Uint8Array.from({ length: 400 }, (_, at) => (at * at * (index + 3)) % 251);
        const head = new TextEncoder().encode("P5 20 20 255\n");
        return Promise.resolve(Uint8Array.of(...head, ...pixels));
      },
    };
    const notes: string[] = [];
    const listener = (event: { type: string; message?: string }) => {
      if (event.type === "note") notes.push(event.message!);
    };
    const plain = figuresOf(await stepsOf(await tinyTokenizerConfig(options), { backend, source }));
    const cache = `teacher.cache.directory=${folder}/features`;
    const config = await tinyTokenizerConfig([...options, cache]);
    const directory = `${folder}/run`;
    const stop = new AbortController();
    const first = await stepsOf(config, {
      backend,
      source,
      directory,
      signal: stop.signal,
      listener(event) {
        listener(event as { type: string });
        if (event.type === "step" && event.metrics.step === 8) stop.abort();
      },
    });
    const [seen, found] = counts(notes);
    assert.ok(seen >= images && found > 0, `${seen} seen, ${found} found`);
    // The same run without the cache would be the same run: how it is computed is not in its hash.
    const rest = await stepsOf(config, { backend, source, directory, listener });
    assert.deepEqual(figuresOf([...first, ...rest]), plain);
    assert.equal(counts(notes)[0], 0, "nothing is new to the teacher");
  });
});

Deno.test("a cache that cannot be written ends the run with the key to change", async () => {
  await withFolder(async (folder, backend) => {
    await Deno.writeTextFile(`${folder}/file`, "");
    const config = await tinyTokenizerConfig([`teacher.cache.directory=${folder}/file/x`]);
    await assert.rejects(trainTokenizer(config, { backend }), /teacher\.cache\.directory/);
  });
});
