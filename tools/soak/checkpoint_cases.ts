/** Damaged weight files of every format: inspected, opened, read and converted. @module */

import { fileURLToPath } from "node:url";
import { bytesSource } from "../../checkpoints/tensors/byte_source.ts";
import { convertCheckpoint } from "../../checkpoints/convert.ts";
import { CONVERT_TARGETS } from "../../checkpoints/convert_writers.ts";
import { MemorySink } from "../../checkpoints/tensors/file_sink.ts";
import { inspectFile } from "../../checkpoints/inspect.ts";
import { openModel } from "../../checkpoints/open_model.ts";
import { latestCheckpoint, loadCheckpoint } from "../../checkpoints/store/store.ts";
import { readRecord, readZipDirectory } from "../../checkpoints/pth/zip_reader.ts";
import { ZipWriter } from "../../checkpoints/pth/zip_writer.ts";
import type { Generator } from "../../core/generator.ts";
import type { Case } from "./case.ts";
import { mutate, oneOf } from "./mutate.ts";

const fixtures = fileURLToPath(new URL("../../tests/fixtures", import.meta.url));

/** A file, or a hub folder, as name and bytes. */
interface Victim {
  readonly path: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

function read(path: string): Victim {
  if (Deno.statSync(path).isFile) {
    const name = path.slice(path.lastIndexOf("/") + 1);
    return { path: name, files: new Map([[name, Deno.readFileSync(path)]]) };
  }
  const files = new Map<string, Uint8Array>();
  const walk = (folder: string, prefix: string) => {
    // In an order that is the same everywhere, so that a case is determined by its seed.
    for (const { name, isDirectory } of [...Deno.readDirSync(folder)].sort(byName)) {
      if (isDirectory) walk(`${folder}/${name}`, `${prefix}${name}/`);
      else files.set(`${prefix}${name}`, Deno.readFileSync(`${folder}/${name}`));
    }
  };
  walk(path, "");
  return { path: ".", files };
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1;
}

function victims(): Victim[] {
  const folders = [`${fixtures}/compat/0.1.0/converted`, `${fixtures}/pth`];
  const paths = folders.flatMap((folder) =>
    Array.from(Deno.readDirSync(folder), ({ name }) => `${folder}/${name}`)
  ).filter((path) => !/hostile$|json$/.test(path)).sort();
  const runs = ["pretrain", "finetune", "linear-probe"].map((run) =>
    `${fixtures}/compat/0.1.0/runs/${run}`
  );
  return [...paths, ...runs].map(read);
}

/** A zip's records again, with the pickle damaged but correct checksums. */
async function withDamagedPickle(bytes: Uint8Array, generator: Generator): Promise<Uint8Array> {
  const source = bytesSource(bytes);
  const sink = new MemorySink();
  const zip = new ZipWriter(sink);
  for (const record of (await readZipDirectory(source)).values()) {
    const content = await readRecord(source, record);
    zip.add(record.name, record.name.endsWith("data.pkl") ? mutate(content, generator) : content);
  }
  zip.finish();
  return sink.bytes();
}

/** A safetensors file with a damaged header of the correct length, so that its JSON is parsed. */
function withDamagedHeader(bytes: Uint8Array, generator: Generator): Uint8Array {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = mutate(bytes.subarray(8, 8 + length), generator);
  const damaged = new Uint8Array(8 + header.length + bytes.length - 8 - length);
  new DataView(damaged.buffer).setBigUint64(0, BigInt(header.length), true);
  damaged.set(header, 8);
  damaged.set(bytes.subarray(8 + length), 8 + header.length);
  return damaged;
}

async function damage(name: string, bytes: Uint8Array, generator: Generator): Promise<Uint8Array> {
  const looksInside = generator.next() < 0.5;
  // This reader cannot take compressed archives apart.
  if (looksInside && name.endsWith(".safetensors")) return withDamagedHeader(bytes, generator);
  if (looksInside && bytes[0] === 0x50 && !/deflated|torchscript/.test(name)) {
    return await withDamagedPickle(bytes, generator);
  }
  return mutate(bytes, generator);
}

/** Prepares the cases. */
export function checkpointCases(): Promise<Case> {
  const all = victims();
  return Promise.resolve(async (generator, _index, about) => {
    const { path, files } = oneOf(all, generator);
    const folder = Deno.makeTempDirSync({ dir: "." });
    try {
      const damaged = oneOf([...files.keys()], generator);
      about(`${damaged} of ${[...files.keys()].length} files`);
      for (const [name, bytes] of files) {
        const at = `${folder}/${name}`;
        Deno.mkdirSync(at.slice(0, at.lastIndexOf("/")), { recursive: true });
        Deno.writeFileSync(at, name === damaged ? await damage(name, bytes, generator) : bytes);
      }
      return await use(path === "." ? folder : `${folder}/${path}`, folder, generator);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  });
}

async function use(path: string, folder: string, generator: Generator): Promise<string> {
  await inspectFile(path);
  const { checkpoint } = latestCheckpoint(folder);
  if (checkpoint !== undefined) loadCheckpoint(checkpoint.directory);
  const model = await openModel(path);
  try {
    for (const tensor of [...model.tensors.values(), ...model.rest.values()]) await tensor.read();
  } finally {
    model.close();
  }
  if (generator.next() > 0.1) return "read";
  await convertCheckpoint(path, `${folder}/converted`, { to: oneOf(CONVERT_TARGETS, generator) });
  return "converted";
}
