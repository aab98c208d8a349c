import assert from "node:assert/strict";
import { fc } from "../../../../deps/fast_check.ts";
import { UserError } from "../../../../core/errors.ts";
import { bytesSource } from "../../../../checkpoints/tensors/byte_source.ts";
import { MemorySink } from "../../../../checkpoints/tensors/file_sink.ts";
import { openPth } from "../../../../checkpoints/pth/pth.ts";
import { tensorBytes } from "../../../../checkpoints/tensors/tensor_data.ts";
import { readRecord, readZipDirectory } from "../../../../checkpoints/pth/zip_reader.ts";
import { ZipWriter } from "../../../../checkpoints/pth/zip_writer.ts";

const FOLDER = new URL("../../../fixtures/pth/", import.meta.url);
const MARKER = "/tmp/BEIT_FIXTURE_PWNED";
/** What a file may take beyond twice its size. */
const ALLOWANCE_BYTES = 80 * 1024 * 1024;

const files: Uint8Array[] = [];
for (const entry of [...Deno.readDirSync(FOLDER)].sort((a, b) => a.name < b.name ? -1 : 1)) {
  if (entry.name.endsWith(".pth")) files.push(await Deno.readFile(new URL(entry.name, FOLDER)));
}

interface Mutation {
  file: number;
  edits: { at: number; value: number }[];
  cut: number | null;
}

const mutations = fc.record<Mutation>({
  file: fc.nat({ max: 1000 }),
  edits: fc.array(
    fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), value: fc.nat({ max: 255 }) }),
    { maxLength: 4 },
  ),
  cut: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { freq: 3 }),
});

function mutate(bytes: Uint8Array, { edits, cut }: Mutation): Uint8Array {
  const copy = bytes.slice(0, cut === null ? bytes.length : Math.floor(cut * bytes.length));
  for (const { at, value } of edits) {
    if (copy.length > 0) copy[Math.min(Math.floor(at * copy.length), copy.length - 1)] = value;
  }
  return copy;
}

/** Reads everything; anything but a result or a one-line `UserError` fails the test. */
async function readAll(bytes: Uint8Array): Promise<boolean> {
  try {
    const file = await openPth(bytes);
    let total = 0;
    for (const name of file.names()) {
      total += tensorBytes(file.info(name));
      await file.read(name);
    }
    assert(total <= 8 * bytes.length + ALLOWANCE_BYTES);
    return true;
  } catch (error) {
    assert(error instanceof UserError, `not a UserError: ${(error as Error)?.stack ?? error}`);
    assert(!error.message.includes("\n") && error.message.length < 400, error.message);
    return false;
  }
}

/** The archive with another pickle and a right checksum, so that the pickle is looked at. */
async function withPickle(bytes: Uint8Array, change: (pickle: Uint8Array) => Uint8Array) {
  const source = bytesSource(bytes);
  const sink = new MemorySink();
  const zip = new ZipWriter(sink);
  for (const record of (await readZipDirectory(source)).values()) {
    const content = await readRecord(source, record);
    zip.add(record.name, record.name.endsWith("data.pkl") ? change(content) : content);
  }
  zip.finish();
  return sink.bytes();
}

async function checkMutations(
  runs: number,
  make: (mutation: Mutation) => Promise<Uint8Array>,
): Promise<void> {
  let read = 0;
  await fc.assert(
    fc.asyncProperty(mutations, async (mutation) => {
      if (await readAll(await make(mutation))) read++;
    }),
    {
      seed: 20240229,
      numRuns: runs,
      interruptAfterTimeLimit: 120_000,
      markInterruptAsFailure: true,
    },
  );
  assert(read > runs / 100 && read < runs * 0.9, `${read} of ${runs} mutated files were read`);
  await assert.rejects(Deno.stat(MARKER), Deno.errors.NotFound);
}

Deno.test("openPth() survives 6000 mutations of whole files", async () => {
  await checkMutations(
    6000,
    (mutation) => Promise.resolve(mutate(files[mutation.file % files.length], mutation)),
  );
});

Deno.test("openPth() survives 6000 mutations of pickles under a right checksum", async () => {
  const archives: Uint8Array[] = [];
  for (const bytes of files) {
    const isArchive = bytes[0] === 0x50;
    // The deflated sample cannot be taken apart by this reader.
    if (isArchive && await readAll(bytes)) archives.push(bytes);
  }
  await checkMutations(6000, (mutation) =>
    withPickle(
      archives[mutation.file % archives.length],
      (pickle) => mutate(pickle, mutation),
    ));
});

Deno.test("openPth() keeps to its memory when a pickle asks for ever more", async () => {
  const archive = files.find((bytes) => bytes[0] === 0x50)!;
  const before = Deno.memoryUsage().rss;
  // A million empty lists remembered, then a list that recalls one of them for ever.
  const greedy = new Uint8Array(20_000_000).fill(0x5d);
  greedy.set([0x80, 2]);
  assert.equal(await readAll(await withPickle(archive, () => greedy)), false);
  const recalls = new Uint8Array(20_000_000);
  for (let at = 0; at < recalls.length; at += 2) recalls.set([0x68, 0], at);
  recalls.set([0x80, 2, 0x5d, 0x71, 0, 0x28, 0x4e, 0x4e]);
  assert.equal(await readAll(await withPickle(archive, () => recalls)), false);
  const grown = Deno.memoryUsage().rss - before;
  assert(grown < 600 * 1024 * 1024, `grew by ${grown} bytes`);
});
