/** Pictures from files and addresses as RGB bytes, by the browser's own decoders. @module */

/// <reference lib="dom" />

import type { RgbImage } from "../../data/images/image.ts";

/** Longest side that is kept: models see a few hundred pixels of it. */
const longestSide = 2048;

async function decode(address: string, name: string): Promise<RgbImage> {
  const image = new Image();
  image.src = address;
  try {
    await image.decode();
  } catch {
    throw new Error(`Cannot show "${name}": this browser does not read it as a picture`);
  }
  const scale = Math.min(1, longestSide / Math.max(image.naturalWidth, image.naturalHeight));
  const [width, height] = [image.naturalWidth, image.naturalHeight]
    .map((side) => Math.max(1, Math.round(side * scale)));
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  // What is transparent becomes white.
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.drawImage(image, 0, 0, width, height);
  const { data: rgba } = context.getImageData(0, 0, width, height);
  const data = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) {
    data[pixel * 3] = rgba[pixel * 4];
    data[pixel * 3 + 1] = rgba[pixel * 4 + 1];
    data[pixel * 3 + 2] = rgba[pixel * 4 + 2];
  }
  return { width, height, data };
}

/** The picture of a file. Rejects with one line if it is none. */
export async function pictureOfFile(file: File): Promise<RgbImage> {
  const address = URL.createObjectURL(file);
  try {
    return await decode(address, file.name);
  } finally {
    URL.revokeObjectURL(address);
  }
}

/** A picture of the page's own host. */
export async function pictureAt(address: string): Promise<RgbImage> {
  return await decode(address, address);
}
