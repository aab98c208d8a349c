/**
 * Small files that demand a lot of memory or time, each used as a user's command would.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { inspectFile } from "../../checkpoints/inspect.ts";
import { openModel } from "../../checkpoints/open_model.ts";
import { resolveConfig } from "../../methods/configs.ts";
import { Generator } from "../../core/generator.ts";
import { createImageDecoder } from "../../data/images/decode.ts";
import { openSource } from "../../data/sources/open_source.ts";
import { transformImage } from "../../data/augment/transform.ts";
import { pretrain } from "../../mod.ts";
import type { Case } from "./case.ts";
import { tinyTrainings } from "./trainings.ts";

const fixtures = fileURLToPath(new URL("../../tests/fixtures", import.meta.url));
const encoder = new TextEncoder();

function crc32(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A number of zeros after `head`, compressed. */
async function squeezed(
  format: CompressionFormat,
  zeros: number,
  head: Uint8Array = new Uint8Array(),
): Promise<Uint8Array<ArrayBuffer>> {
  const block = new Uint8Array(1 << 22);
  let left = zeros;
  let isFirst = true;
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      if (isFirst && head.length > 0) controller.enqueue(head.slice());
      isFirst = false;
      const some = Math.min(left, block.length);
      if (some > 0) controller.enqueue(block.slice(0, some));
      left -= some;
      if (left === 0) controller.close();
    },
  });
  return new Uint8Array(
    await new Response(stream.pipeThrough(new CompressionStream(format))).arrayBuffer(),
  );
}

/** A lossless WebP that is all header. */
function hugeWebp(width: number, height: number): Uint8Array {
  const bytes = new Uint8Array(34);
  bytes.set(encoder.encode("RIFF"));
  bytes.set(encoder.encode("WEBPVP8L"), 8);
  const view = new DataView(bytes.buffer);
  view.setUint32(4, 26, true);
  view.setUint32(16, 13, true);
  bytes[20] = 0x2f;
  view.setUint32(21, (width - 1) | ((height - 1) << 14), true);
  return bytes;
}

/** A JPEG from the fixtures whose header claims another size. */
function hugeJpeg(width: number, height: number): Uint8Array {
  const bytes = Deno.readFileSync(`${fixtures}/images/cat_q75_444.jpg`);
  const frame = bytes.findIndex((byte, at) => byte === 0xff && bytes[at + 1] === 0xc0);
  const view = new DataView(bytes.buffer);
  view.setUint16(frame + 5, height);
  view.setUint16(frame + 7, width);
  return bytes;
}

/** A black PNG with one bit per pixel, complete and valid. */
async function hugePng(width: number, height: number): Promise<Uint8Array> {
  const chunk = (name: string, data: Uint8Array) => {
    const body = concat(encoder.encode(name), data);
    const ends = new Uint8Array(8);
    new DataView(ends.buffer).setUint32(0, data.length);
    new DataView(ends.buffer).setUint32(4, crc32(body));
    return concat(ends.subarray(0, 4), body, ends.subarray(4));
  };
  const header = new Uint8Array(13);
  new DataView(header.buffer).setUint32(0, width);
  new DataView(header.buffer).setUint32(4, height);
  header[8] = 1;
  const rows = await squeezed("deflate", height * (1 + Math.ceil(width / 8)));
  return concat(
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk("IHDR", header),
    chunk("IDAT", rows),
    chunk("IEND", new Uint8Array()),
  );
}

async function decodeBoth(bytes: Uint8Array): Promise<string> {
  let refused = "decoded";
  for (const native of [false, "auto"] as const) {
    const decoder = await createImageDecoder({ native });
    try {
      const image = await decoder.decode(bytes, "bomb");
      transformImage(image, { kind: "test", size: 224 }, Generator.from(1));
    } catch (error) {
      if (!(error instanceof Error) || error.name !== "UserError") throw error;
      refused = "refused";
    }
  }
  return refused;
}

/** A tar's only member, of zeros, without its end. */
function tarHead(name: string, size: number): Uint8Array {
  const header = new Uint8Array(512);
  const write = (text: string, at: number) => header.set(encoder.encode(text), at);
  write(name, 0);
  write(`0000644\0` + "0000000\0" + "0000000\0", 100);
  write(`${size.toString(8).padStart(11, "0")}\0` + "00000000000\0", 124);
  write("        0ustar\0" + "00", 148);
  const sum = header.reduce((total, byte) => total + byte, 0);
  write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}

/** A zip with one deflated member of zeros that declares a size. */
async function zipOf(zeros: number, declared: number): Promise<Uint8Array> {
  const packed = await squeezed("deflate-raw", zeros);
  const name = encoder.encode("train/dark/0.pgm");
  const local = new Uint8Array(30);
  const central = new Uint8Array(46);
  for (
    const [header, at, signature] of [[local, 4, 0x04034b50], [central, 6, 0x02014b50]] as const
  ) {
    const view = new DataView(header.buffer);
    view.setUint32(0, signature, true);
    view.setUint16(at, 20, true);
    view.setUint16(at + 4, 8, true);
    view.setUint32(at + 14, packed.length, true);
    view.setUint32(at + 18, declared, true);
    view.setUint16(at + 22, name.length, true);
  }
  const end = new Uint8Array(22);
  const view = new DataView(end.buffer);
  view.setUint32(0, 0x06054b50, true);
  view.setUint16(8, 1, true);
  view.setUint16(10, 1, true);
  view.setUint32(12, 46 + name.length, true);
  view.setUint32(16, 30 + name.length + packed.length, true);
  return concat(local, name, packed, central, name, end);
}

async function readArchive(name: string, bytes: Uint8Array, ready: () => void): Promise<string> {
  Deno.writeFileSync(name, bytes);
  ready();
  const source = await openSource(name);
  try {
    for (let index = 0; index < source.length; index++) await source.read(index);
    return "read";
  } finally {
    source.close?.();
  }
}

async function resolveText(name: string, text: string): Promise<string> {
  Deno.writeTextFileSync(name, text);
  await resolveConfig({ recipe: name });
  return "resolved";
}

/** Trains two steps of a tiny pretraining with one value changed. */
async function train(override: string): Promise<string> {
  const fixture = `${fixtures}/compat/0.1.0`;
  const { pretrain: tiny } = tinyTrainings({
    data: `${fixture}/data`,
    tokenizer: `${fixture}/runs/tokenizer`,
    pretrained: `${fixture}/runs/pretrain`,
  });
  const overrides = [...tiny, "evaluation.knn.every=null", "schedule.maxSteps=2", override];
  const { config } = await resolveConfig({ task: "pretrain", overrides });
  await pretrain(config, { directory: null, memoryBudgetBytes: 1e9 });
  return "trained";
}

async function openWeights(path: string): Promise<string> {
  await inspectFile(path);
  const model = await openModel(path);
  model.close();
  return "opened";
}

const laughs = Array.from({ length: 12 }, (_, index) => {
  const before = index === 0 ? '"ha"' : `*a${index - 1}`;
  return `a${index}: &a${index} [${Array(10).fill(before).join(", ")}]`;
}).join("\n");

const gigabyte = 1e9;

/** Created and used; `ready` is called when whatever takes long has been created. */
const bombs: Readonly<Record<string, (ready: () => void) => Promise<string>>> = {
  "a WebP of 34 bytes that says 16383 × 16000": () => decodeBoth(hugeWebp(16383, 16000)),
  "a JPEG that says 65500 × 65500": () => decodeBoth(hugeJpeg(65500, 65500)),
  "a PNG of 150 KB, 40000 × 30000, whole": async () =>
    await decodeBoth(await hugePng(40000, 30000)),
  "a PNG of 1 × 30000": async () => await decodeBoth(await hugePng(1, 30000)),
  "a PGM that says 65535 × 65535": () => decodeBoth(encoder.encode("P5 65535 65535 255\n")),
  "a tar.gz of 3 GB": async (ready) => {
    const zeros = 3 * gigabyte;
    const head = tarHead("train/dark/0.pgm", zeros);
    return await readArchive("bomb.tar.gz", await squeezed("gzip", zeros, head), ready);
  },
  "a zip with a member of 2 GB": async (ready) =>
    await readArchive("bomb.zip", await zipOf(2 * gigabyte, 2 * gigabyte), ready),
  "a zip with a member of 2 GB that says 413 bytes": async (ready) =>
    await readArchive("bomb.zip", await zipOf(2 * gigabyte, 413), ready),
  "a recipe of 200 000 brackets": () =>
    resolveText("bomb.jsonc", `{"task": "pretrain", "augment": ${"[".repeat(200_000)}`),
  "a YAML recipe of 200 000 brackets": () =>
    resolveText("bomb.yaml", `task: pretrain\naugment: ${"[".repeat(200_000)}`),
  "a YAML recipe whose aliases are 10^12 texts": () =>
    resolveText("bomb.yaml", `task: pretrain\n${laughs}`),
  "a recipe with a key of 50 MB": () =>
    resolveText("bomb.jsonc", `{"task": "pretrain", "${"x".repeat(5e7)}": 1}`),
  ...Object.fromEntries([
    "model.embedDim=200000",
    "model.depth=1000000000",
    "model.headLayers=2147483648",
    "model.imageSize=1000000",
    "model.codes=2147483647",
    "batchSize=1000000000",
    "data.workers=1000000",
    "data.prefetch=1000000000",
    "data.cacheBytes=1e18",
    "backend.threads=1000000",
    "schedule.steps=1e15",
  ].map((override) => [`--set ${override}`, () => train(override)])),
  ...Object.fromEntries(
    Array.from(Deno.readDirSync(`${fixtures}/pth/hostile`), ({ name }) => name).sort()
      .map((name) => [`hostile/${name}`, () => openWeights(`${fixtures}/pth/hostile/${name}`)]),
  ),
};

/** What each case is. */
export const bombNames: readonly string[] = Object.keys(bombs);

/** Prepares the cases. */
export function bombCases(): Promise<Case> {
  return Promise.resolve((_generator, index, about) => {
    const ready = () => about(bombNames[index]);
    ready();
    return bombs[bombNames[index]](ready);
  });
}
