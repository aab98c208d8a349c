import assert from "node:assert/strict";
import { Job } from "../../../cli/running/job.ts";
import { openSafetensors } from "../../../checkpoints/safetensors/safetensors.ts";
import { tokenize } from "../../../cli/commands/tokenize.ts";
import { UserError } from "../../../core/errors.ts";
import { openSource } from "../../../data/sources/open_source.ts";
import { tf } from "../../../deps/tfjs.ts";
import { imageTensor } from "../../../pipeline/tokenize.ts";
import { loadTokenizer } from "../../../methods/vqkd/load_tokenizer.ts";
import { normalizations } from "../../../pipeline/images/normalizations.ts";
import { type TokenizedImage, tokenizeImages } from "../../../tasks/tokens/tokenize_images.ts";
import { withFolder, writeTinyTokenizer } from "../_tiny.ts";

/** Noise pictures of exactly the size that the shorter edge becomes: nothing but the crop happens. */
function writePictures(folder: string): string[] {
  return [1, 2, 3].map((seed) => {
    const pixels = Uint8Array.from({ length: 18 * 18 }, (_, i) => (i * i * seed + i) % 251);
    const path = `${folder}/${seed}.pgm`;
    Deno.writeFileSync(
      path,
      new Uint8Array([...new TextEncoder().encode("P5 18 18 255\n"), ...pixels]),
    );
    return path;
  });
}

/** Runs the command as a terminal would, and gives its lines and its document. */
async function runCommand(flags: Record<string, unknown>, images: readonly string[]) {
  const lines: string[] = [];
  let json: unknown;
  await tokenize.run({
    flags: { backend: "cpu", threads: 1, workers: 0, quiet: true, json: false, ...flags },
    arguments: { images },
  }, {
    signal: new AbortController().signal,
    job: new Job(),
    print: (line) => void lines.push(line),
    note: () => {},
    printJson: (value) => void (json = value),
  });
  return { lines, json };
}

Deno.test("tokenizeImages() gives the codes of the central view", async () => {
  await withFolder(async (folder, backend) => {
    const checkpoint = await writeTinyTokenizer(folder);
    const images = writePictures(folder);
    const found: TokenizedImage[] = [];
    const result = await tokenizeImages({
      checkpoint,
      backend,
      images,
      batch: 2,
      data: { workers: 0 },
      onImage: (image) => found.push(image),
    });
    const { codes, grid, images: count } = result;
    assert.deepEqual({ codes, grid, count }, { codes: 32, grid: 4, count: 3 });
    assert.deepEqual(found.map(({ id }) => id), images);

    const on = { backend, precision: "float32" } as const;
    const tokenizer = await loadTokenizer(on, checkpoint);
    for (const [index, path] of images.entries()) {
      // 18 px is 8/7 of 16 px: the view is the picture without a border of 1 px.
      const bytes = Deno.readFileSync(path).subarray(-18 * 18);
      const view = Uint8Array.from({ length: 16 * 16 * 3 }, (_, i) => {
        const pixel = Math.floor(i / 3);
        return bytes[(Math.floor(pixel / 16) + 1) * 18 + pixel % 16 + 1];
      });
      const ids = backend.run(() =>
        tf.tidy(() => tokenizer.encode(on, imageTensor(view, 1, 16, normalizations.half)))
      );
      assert.deepEqual([...found[index].tokens], [...await ids.data()]);
      ids.dispose();
    }
    tokenizer.dispose();
  });
});

Deno.test("images of classes come with the name of theirs", async () => {
  await withFolder(async (folder, backend) => {
    const checkpoint = await writeTinyTokenizer(folder);
    const sample = new URL("../../../assets/fashion-mnist.tar.gz", import.meta.url);
    const source = await openSource(sample, { split: "test" });
    const classes = new Map<string, number>();
    const onImage = ({ class: name = "none" }: TokenizedImage) =>
      void classes.set(name, (classes.get(name) ?? 0) + 1);
    await tokenizeImages({ checkpoint, backend, images: source, onImage });
    assert.deepEqual([...classes.values()], Array(10).fill(110));
    assert.ok(classes.has("ankle-boot"));
    source.close?.();
  });
});

Deno.test("tokenize prints lines, one JSON document, JSON lines and safetensors alike", async () => {
  await withFolder(async (folder) => {
    const checkpoint = await writeTinyTokenizer(folder);
    const images = writePictures(folder);
    const { json } = await runCommand({ checkpoint, json: true }, images);
    const document = JSON.parse(JSON.stringify(json));
    assert.equal(document.codes, 32);
    assert.equal(document.images.length, 3);
    const tokens: number[][] = document.images.map((image: { tokens: number[] }) => image.tokens);
    for (const row of tokens) {
      assert.equal(row.length, 16);
      assert.ok(row.every((id) => Number.isInteger(id) && id >= 0 && id < 32));
    }
    const { lines } = await runCommand({ checkpoint }, images);
    assert.deepEqual(lines, images.map((path, i) => `${path}\t${tokens[i].join(" ")}`));

    await runCommand({ checkpoint, out: `${folder}/tokens.jsonl` }, images);
    const written = Deno.readTextFileSync(`${folder}/tokens.jsonl`).trimEnd().split("\n");
    assert.deepEqual(written.map((line) => JSON.parse(line)), document.images);

    await runCommand({ checkpoint, out: `${folder}/tokens.safetensors` }, images);
    const file = await openSafetensors(`${folder}/tokens.safetensors`);
    const { shape, data } = await file.read("tokens");
    assert.deepEqual([...shape], [3, 16]);
    assert.deepEqual([...data as Int32Array], tokens.flat());
    assert.deepEqual(JSON.parse(file.metadata.ids), images);
    file.close();
  });
});

Deno.test("mistakes of tokenize name the way out", async () => {
  await withFolder(async (folder) => {
    const checkpoint = await writeTinyTokenizer(folder);
    const fails = async (flags: Record<string, unknown>, images: string[], message: RegExp) => {
      await assert.rejects(runCommand({ checkpoint, ...flags }, images), (error: Error) => {
        assert.ok(error instanceof UserError, `${error.stack}`);
        assert.match(error.message, message);
        return true;
      });
    };
    const [picture] = writePictures(folder);
    await fails({}, [`${folder}/none.png`], /none\.png/);
    await fails({ out: "tokens.txt" }, [picture], /\.safetensors or \.jsonl/);
    await fails({ out: `${folder}/none/tokens.jsonl` }, [picture], /Cannot write/);
    await fails({ checkpoint: picture }, [picture], /1\.pgm/);
  });
});
