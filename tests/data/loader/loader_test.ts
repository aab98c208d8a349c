import assert from "node:assert/strict";
import { type LoadedBatch, Loader, type LoaderOptions } from "../../../data/loader/loader.ts";
import { openSource } from "../../../data/sources/open_source.ts";
import type { Source } from "../../../data/sources/source.ts";
import { photoTree, textBytes, withFolder, writeTree } from "../_trees.ts";

const pretraining = (source: Source): LoaderOptions => ({
  source,
  transform: {
    kind: "train",
    size: 24,
    tokenizerSize: 16,
    tokenizerInterpolation: "lanczos",
    scale: [0.2, 1],
    jitter: { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0 },
  },
  mask: { height: 6, width: 6, count: 14, minBlock: 4 },
  batch: 6,
  seed: 7,
  workers: 0,
});

/** All batches, without the times that they took. */
async function collect(
  options: LoaderOptions,
  range: { from?: number; to: number },
): Promise<LoadedBatch[]> {
  const loader = await Loader.open(options);
  try {
    const batches = await Array.fromAsync(loader.batches(range));
    return batches.map((batch) => ({ ...batch, seconds: {} }));
  } finally {
    loader.close();
  }
}

Deno.test("Loader makes the same batches for any number of workers, any prefetch, any decoder", () =>
  withFolder(async (root) => {
    await photoTree(root, 15);
    const options = pretraining(await openSource(root));
    const wanted = await collect(options, { to: 5 });
    assert.deepEqual(wanted.map((batch) => [batch.step, batch.epoch, batch.position]), [
      [0, 0, 0],
      [1, 0, 6],
      [2, 1, 0],
      [3, 1, 6],
      [4, 2, 0],
    ]);
    assert.deepEqual(
      [wanted[0].pixels.length, wanted[0].tokenizerPixels.length, wanted[0].mask.length],
      [6 * 24 * 24 * 3, 6 * 16 * 16 * 3, 6 * 36],
    );
    for (
      const change of [
        { workers: 1 },
        { workers: 3, prefetch: 0 },
        { workers: 2, prefetch: 5, cacheBytes: 0 },
        { workers: 2, decoder: "portable" },
        { workers: 0, decoder: "portable", cacheBytes: 0 },
      ] as const
    ) {
      const batches = await collect({ ...options, ...change }, { to: 5 });
      assert.deepEqual(batches, wanted, JSON.stringify(change));
    }
  }));

Deno.test("Loader goes on at any step with what the whole run would have seen", () =>
  withFolder(async (root) => {
    await photoTree(root, 15);
    const options = { ...pretraining(await openSource(root)), dropsLast: false };
    const whole = await collect(options, { to: 7 });
    assert.equal(whole[2].size, 3);
    for (const from of [1, 3, 6]) {
      assert.deepEqual(await collect(options, { from, to: 7 }), whole.slice(from));
    }
  }));

function samplesOf(batches: LoadedBatch[]): string[] {
  return batches.flatMap((batch) =>
    batch.ids.map((id, i) => {
      const part = (all: Uint8Array) => {
        const length = all.length / batch.size;
        return all.slice(i * length, (i + 1) * length).join();
      };
      return [id, batch.labels[i], part(batch.pixels), part(batch.mask)].join(" ");
    })
  );
}

Deno.test("Loader gives ranks and micro-batches the samples of the one order", () =>
  withFolder(async (root) => {
    await photoTree(root, 15);
    const options = pretraining(await openSource(root));
    const whole = samplesOf(await collect(options, { to: 2 }));
    const micro = await collect({ ...options, microBatch: 4 }, { to: 2 });
    assert.deepEqual(micro.map((b) => [b.step, b.microBatch, b.microBatches, b.size]), [
      [0, 0, 2, 4],
      [0, 1, 2, 2],
      [1, 0, 2, 4],
      [1, 1, 2, 2],
    ]);
    assert.deepEqual(samplesOf(micro), whole);
    for (const ranks of [2, 4]) {
      const shares: string[][][] = [];
      for (let rank = 0; rank < ranks; rank++) {
        const batches = await collect({ ...options, rank, ranks }, { to: 2 });
        shares.push([0, 1].map((step) => samplesOf(batches.filter((b) => b.step === step))));
      }
      const joined = [0, 1].flatMap((step) => shares.flatMap((share) => share[step]));
      assert.deepEqual(joined, whole);
    }
  }));

Deno.test("Loader sees every sample once in an epoch, with its label", () =>
  withFolder(async (root) => {
    await photoTree(root, 11);
    const source = await openSource(root);
    const options = { ...pretraining(source), dropsLast: false, batch: 4 };
    const epochs = [0, 1].map((epoch) => collect(options, { from: 3 * epoch, to: 3 * epoch + 3 }));
    const [first, second] = (await Promise.all(epochs)).map((batches) =>
      batches.flatMap((batch) => batch.ids.map((id, i) => `${id} ${batch.labels[i]}`))
    );
    assert.equal(new Set(first).size, 11);
    assert.deepEqual([...first].sort(), [...second].sort());
    assert.notDeepEqual(first, second);
    assert.ok(first.every((line) => line.endsWith(line.startsWith("even") ? " 0" : " 1")));
  }));

Deno.test("Loader raises at a broken file, naming it and the way out", () =>
  withFolder(async (root) => {
    await photoTree(root, 6, [4]);
    for (const workers of [0, 1]) {
      const options = { ...pretraining(await openSource(root)), workers };
      await assert.rejects(collect(options, { to: 1 }), (error: Error) => {
        assert.equal(error.name, "UserError");
        assert.ok(error.message.startsWith(`Cannot decode image "${root}/even/04.jpg": `));
        assert.match(error.message, /^[^\n]*; skip such files with --set data.onError=skip$/);
        return true;
      });
    }
  }));

Deno.test("Loader puts the next sample in the place of a broken one, for any number of workers", () =>
  withFolder(async (root) => {
    await photoTree(root, 15, [3, 4, 8]);
    const source = await openSource(root);
    const skipped: string[] = [];
    const options = {
      ...pretraining(source),
      onError: "skip",
      onSkip: ({ id }: { id: string }) => skipped.push(id),
    } as const;
    const batches = await collect(options, { to: 8 });
    assert.deepEqual(skipped.sort(), ["even/04.jpg", "even/08.jpg", "odd/03.jpg"]);
    assert.ok(batches.every((b) => b.size === 6 && b.ids.every((id) => !skipped.includes(id))));
    const sound = await collect({ ...pretraining(source), onError: "skip" }, { from: 3, to: 8 });
    assert.deepEqual(sound, batches.slice(3));
    assert.deepEqual(await collect({ ...options, workers: 2 }, { to: 8 }), batches);
    await assert.rejects(
      collect({ ...options, maxSkipped: 2 }, { to: 8 }),
      /Cannot continue: more than data.maxSkipped=2 files failed, the last: Cannot decode image/,
    );
  }));

Deno.test("Loader gives up where no file can be decoded, and where a file is gone", () =>
  withFolder(async (root) => {
    await photoTree(root, 6, [0, 1, 2, 3, 4, 5]);
    const options = { ...pretraining(await openSource(root)), onError: "skip" } as const;
    await assert.rejects(collect(options, { to: 1 }), /no file of the data set can be decoded/);
    await Deno.remove(`${root}/even/00.jpg`);
    const gone = { ...pretraining(options.source), batch: 1, isShuffled: false };
    await assert.rejects(
      collect(gone, { to: 1 }),
      /Cannot read image "[^"]*\/even\/00.jpg": .*; .* --set data.onError=skip$/,
    );
  }));

Deno.test("Loader reads sources of the user's that have no locations", async () => {
  const source: Source = {
    length: 4,
    classes: [],
    entry: (index) => ({ id: `made ${index}`, label: -1 }),
    read: (index) =>
      index === 2
        ? Promise.reject(new Error("the cable is out"))
        : Promise.resolve(textBytes(`P5 2 2 255\nAB${index}D`)),
  };
  const options: LoaderOptions = {
    source,
    transform: { kind: "test", size: 2, edge: 2 },
    batch: 2,
    seed: 0,
    isShuffled: false,
    workers: 1,
  };
  const [batch] = await collect(options, { to: 1 });
  assert.equal(batch.tokenizerPixels, batch.pixels);
  assert.equal(new TextDecoder().decode(batch.pixels), "AAABBB000DDDAAABBB111DDD");
  await assert.rejects(collect(options, { to: 2 }), /image "made 2": the cable is out/);
});

Deno.test("Loader refuses a batch larger than the data set", () =>
  withFolder(async (root) => {
    await photoTree(root, 3);
    const source = await openSource(root);
    await assert.rejects(
      Loader.open(pretraining(source)),
      /Cannot fill a batch of 6 images: the data set has 3; give --batch 3 or less, or --set data.dropLast=false$/,
    );
  }));

Deno.test("Loader shares an archive in memory with its workers", async () => {
  const asset = new URL("../../../assets/fashion-mnist.tar.gz", import.meta.url);
  const source = await openSource(asset, { split: "test" });
  const options: LoaderOptions = {
    source,
    transform: { kind: "train", size: 32, scale: [0.4, 1] },
    batch: 50,
    seed: 3,
    workers: 2,
  };
  const batches = await collect(options, { to: 4 });
  assert.deepEqual(await collect({ ...options, workers: 0 }, { to: 4 }), batches);
});

Deno.test("Loader ends when its consumer stops before a broken file that is on its way", () =>
  withFolder(async (root) => {
    await photoTree(root, 12, [11]);
    const source = await openSource(root);
    const loader = await Loader.open({ ...pretraining(source), isShuffled: false, workers: 1 });
    for await (const batch of loader.batches()) {
      if (batch.step === 0) break;
    }
    loader.close();
  }));

Deno.test("Loader works on the main thread where workers cannot start, and says why", () =>
  withFolder(async (root) => {
    await photoTree(root, 6);
    const options = pretraining(await openSource(root));
    const wanted = await collect(options, { to: 1 });
    const { Worker } = globalThis;
    const notes: string[] = [];
    const onNote = (note: string) => notes.push(note);
    try {
      globalThis.Worker = class {
        constructor() {
          throw new Error("no threads today");
        }
      } as unknown as typeof Worker;
      const loader = await Loader.open({ ...options, workers: 2, onNote });
      assert.equal(loader.workers, 0);
      loader.close();
      assert.deepEqual(await collect({ ...options, workers: 2 }, { to: 1 }), wanted);
    } finally {
      globalThis.Worker = Worker;
    }
    assert.equal(notes.length, 1);
    assert.match(notes[0], /^Data workers cannot start; .* main thread: no threads today$/);
  }));

Deno.test("Loader skips, or names, an image that its transform fails at", () =>
  withFolder(async (root) => {
    await photoTree(root, 4);
    const thin = `P5 1 30000 255\n${"A".repeat(30000)}`;
    await writeTree(root, { "even/01.pgm": thin });
    const options: LoaderOptions = {
      source: await openSource(root),
      transform: { kind: "test", size: 224 },
      batch: 5,
      dropsLast: false,
      isShuffled: false,
      seed: 1,
    };
    for (const workers of [0, 1]) {
      await assert.rejects(
        collect({ ...options, workers }, { to: 1 }),
        /Cannot make a view of image "[^"]*\/even\/01.pgm" \(1 × 30000 pixels\): resized .*; .* --set data.onError=skip$/,
      );
      const skipped: string[] = [];
      const onSkip = ({ id }: { id: string }) => skipped.push(id);
      const [batch] = await collect({ ...options, workers, onError: "skip", onSkip }, { to: 1 });
      assert.deepEqual(skipped, ["even/01.pgm"]);
      assert.ok(!batch.ids.includes("even/01.pgm"));
    }
  }));

Deno.test("Loader skips images of more pixels than it may take", () =>
  withFolder(async (root) => {
    await photoTree(root, 4);
    await writeTree(root, { "even/01.pgm": `P5 100 500 255\n${"A".repeat(50_000)}` });
    const skipped: string[] = [];
    const batches = await collect({
      ...pretraining(await openSource(root)),
      batch: 5,
      maxPixels: 49_999,
      onError: "skip",
      onSkip: ({ id, message }) => skipped.push(`${id} ${message}`),
    }, { to: 1 });
    assert.equal(batches[0].ids.length, 5);
    assert.ok(
      skipped.some((text) => /^even\/01.pgm .*found 50000 \(100 × 500\)/.test(text)),
      skipped.join(),
    );
  }));
