/** Damaged archives, opened as a user's data and read to the last member. @module */

import { fileURLToPath } from "node:url";
import { zipSync } from "../../deps/fflate.ts";
import { openSource } from "../../data/sources/open_source.ts";
import type { Generator } from "../../core/generator.ts";
import { UserError } from "../../core/errors.ts";
import type { Case } from "./case.ts";
import { mutate, oneOf } from "./mutate.ts";
import { damageInside, repairTar } from "./repair.ts";

const fixtures = fileURLToPath(new URL("../../tests/fixtures", import.meta.url));
const encoder = new TextEncoder();

/** One member of a tar: `type` is its typeflag. */
function tarMember(name: string, content: Uint8Array, type = "0"): Uint8Array {
  const member = new Uint8Array(512 + Math.ceil(content.length / 512) * 512);
  const write = (text: string, at: number) => member.set(encoder.encode(text), at);
  write(name.slice(0, 100), 0);
  write("0000644\0" + "0000000\0" + "0000000\0", 100);
  write(`${content.length.toString(8).padStart(11, "0")}\0` + "00000000000\0", 124);
  write(`        ${type}`, 148);
  write("ustar\0" + "00", 257);
  const sum = member.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  member.set(content, 512);
  return member;
}

/** A link: its header names its target. */
function tarLink(name: string, target: string, type: "1" | "2"): Uint8Array {
  const member = tarMember(name, new Uint8Array(), type);
  member.set(encoder.encode(target), 157);
  return repairTar(member);
}

function tarOf(
  files: Readonly<Record<string, Uint8Array>>,
  links: readonly Uint8Array[] = [],
): Uint8Array {
  const parts: Uint8Array[] = [...links];
  for (const [name, content] of Object.entries(files)) {
    if (name.length > 100) parts.push(tarMember("././@LongLink", encoder.encode(`${name}\0`), "L"));
    parts.push(tarMember(name, content));
  }
  return new Uint8Array([...parts, new Uint8Array(1024)].flatMap((part) => [...part]));
}

async function gzip(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([bytes.slice()]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Archives of every kind, by file name extension. */
async function victims(): Promise<[string, Uint8Array][]> {
  const data = `${fixtures}/compat/0.1.0/data`;
  const files: Record<string, Uint8Array> = {};
  for (const split of ["train", "val"]) {
    for (const name of ["bright", "dark"]) {
      for (const index of [0, 1, 2]) {
        files[`${split}/${name}/${index}.pgm`] = Deno.readFileSync(
          `${data}/${split}/${name}/${index}.pgm`,
        );
      }
    }
  }
  const sample = files["train/dark/0.pgm"];
  const shard = {
    "000.pgm": sample,
    "000.cls": encoder.encode("1"),
    "000.json": encoder.encode('{"label": 1}'),
    "001.pgm": sample,
    "001.cls": encoder.encode("0"),
  };
  const long = { ...files, [`train/dark/${"long".repeat(40)}.pgm`]: sample };
  const links = [
    tarLink("train/dark/hard.pgm", "train/dark/0.pgm", "1"),
    tarLink("train/dark/soft.pgm", "../bright/0.pgm", "2"),
    tarMember("././@LongLink", encoder.encode(`train/${"x".repeat(120)}\0`), "K"),
    tarLink("train/dark/circle.pgm", "circle.pgm", "2"),
    tarMember("pax", encoder.encode("25 path=train/dark/p.pgm\n"), "x"),
    tarMember("short", sample),
  ];
  return [
    ["tar", tarOf(files, links)],
    ["tar", tarOf(files)],
    ["tar", tarOf(long)],
    ["tar", tarOf(shard)],
    ["tar.gz", await gzip(tarOf(files))],
    ["zip", zipSync(files, { level: 0 })],
    ["zip", zipSync(long, { level: 9 })],
  ];
}

/** Damages an archive; half of the tars keep correct checksums, and are compressed after the damage. */
function damage(ending: string, bytes: Uint8Array, generator: Generator): Uint8Array {
  if (ending === "zip" || generator.next() < 0.5) return mutate(bytes, generator);
  const change = (tar: Uint8Array) => repairTar(mutate(tar, generator));
  return ending === "tar" ? change(bytes) : damageInside(bytes, change);
}

/** Prepares the cases. */
export async function archiveCases(): Promise<Case> {
  const all = await victims();
  return async (generator: Generator, index) => {
    const [ending, bytes] = oneOf(all, generator);
    const path = `${index}.${ending}`;
    Deno.writeFileSync(path, damage(ending, bytes, generator));
    try {
      return await readAll(path, generator);
    } finally {
      Deno.removeSync(path);
    }
  };
}

async function readAll(path: string, generator: Generator): Promise<string> {
  const split = generator.next() < 0.5 ? {} : { split: "val" };
  const source = await openSource(path, split);
  let refused = 0;
  try {
    for (let member = 0; member < source.length; member++) {
      source.entry(member);
      try {
        await source.read(member);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        refused++;
      }
    }
  } finally {
    source.close?.();
  }
  return refused === 0 ? "read" : "read in part";
}
