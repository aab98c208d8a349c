/** Folders and archives that tests make for themselves. */

import { fixturePath } from "./_fixtures.ts";

export const textBytes = (text: string) => new TextEncoder().encode(text);

/** Runs a test in a folder of its own, removed afterwards. */
export async function withFolder(test: (root: string) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "mimic-data-" });
  try {
    await test(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** Writes files by their paths below `root`. */
export async function writeTree(
  root: string,
  files: Record<string, string | Uint8Array>,
): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const path = `${root}/${name}`;
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    await Deno.writeFile(path, typeof content === "string" ? textBytes(content) : content);
  }
}

function tarBlock(name: string, size: number, type: string): Uint8Array {
  const header = new Uint8Array(512);
  const write = (text: string, at: number) => header.set(textBytes(text), at);
  write(name.slice(0, 100), 0);
  write("0000644\0" + "0000000\0" + "0000000\0", 100);
  write(size.toString(8).padStart(11, "0") + "\0" + "00000000000\0", 124);
  write(`        ${type}`, 148);
  write("ustar\0" + "00", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  write(sum.toString(8).padStart(6, "0") + "\0 ", 148);
  return header;
}

/** A tar archive; names over 100 characters get a pax header. */
export function tarOf(files: Record<string, string>): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  const add = (name: string, text: string, type: string) => {
    const data = textBytes(text);
    const padded = new Uint8Array(Math.ceil(data.length / 512) * 512);
    padded.set(data);
    parts.push(tarBlock(name, data.length, type), padded);
  };
  for (const [name, text] of Object.entries(files)) {
    if (name.length > 100) {
      const record = ` path=${name}\n`;
      let length = record.length + 2;
      while (String(length).length + record.length !== length) length++;
      add("pax", `${length}${record}`, "x");
    }
    add(name, text, "0");
  }
  parts.push(new Uint8Array(1024));
  const archive = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    archive.set(part, at);
    at += part.length;
  }
  return archive;
}

const photographs = [
  "cat.png",
  "coffee.png",
  "cat_q90_420.jpg",
  "cat_gray.jpg",
  "cat_rgba.png",
];

/** A class folder of `count` photographs, with the named files broken. */
export async function photoTree(root: string, count: number, broken: number[] = []): Promise<void> {
  const files: Record<string, Uint8Array> = {};
  for (let i = 0; i < count; i++) {
    const name = photographs[i % photographs.length];
    const bytes = await Deno.readFile(fixturePath(`images/${name}`));
    const path = `${i % 2 === 0 ? "even" : "odd"}/${String(i).padStart(2, "0")}.jpg`;
    files[path] = broken.includes(i) ? bytes.subarray(0, bytes.length >> 1) : bytes;
  }
  await writeTree(root, files);
}
