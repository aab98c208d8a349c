/// <reference lib="dom" />

/** The user's pictures as they are trained on: small, in a format without compression. @module */

/** Longest side: training crops a part of it and makes that 32 px. */
const longestSide = 256;

/**
 * A picture of any format that the browser reads as a small PPM file; what it does not read stays as it is, for the
 * run to skip it with the reason.
 */
export async function smallPicture(picture: Blob): Promise<Uint8Array> {
  const image = await createImageBitmap(picture).catch(() => null);
  if (image === null) return new Uint8Array(await picture.arrayBuffer());
  const scale = Math.min(1, longestSide / Math.max(image.width, image.height));
  const [width, height] = [image.width, image.height]
    .map((side) => Math.max(1, Math.round(side * scale)));
  const context = new OffscreenCanvas(width, height).getContext("2d")!;
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, width, height);
  image.close();
  const { data } = context.getImageData(0, 0, width, height);
  const header = new TextEncoder().encode(`P6 ${width} ${height} 255\n`);
  const file = new Uint8Array(header.length + width * height * 3);
  file.set(header);
  for (let pixel = 0, to = header.length; pixel < width * height; pixel++) {
    for (let channel = 0; channel < 3; channel++) file[to++] = data[4 * pixel + channel];
  }
  return file;
}
