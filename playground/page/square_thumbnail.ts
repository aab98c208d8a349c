/** The central square of a picture, small. @module */

/// <reference lib="dom" />

import type { RgbImage } from "../../data/images/image.ts";
import { canvasOf } from "./draw.ts";

const mostPixels = 160;

/** What models see of a picture, by the browser's own scaling. */
export function squareThumbnail(image: RgbImage, label: string): HTMLCanvasElement {
  const side = Math.min(image.width, image.height);
  const size = Math.min(side, mostPixels);
  const [left, top] = [image.width, image.height].map((length) => Math.floor((length - side) / 2));
  const whole = canvasOf(image, "");
  const thumbnail = canvasOf(
    { width: size, height: size, data: new Uint8Array(size ** 2 * 3) },
    label,
  );
  thumbnail.getContext("2d")!.drawImage(whole, left, top, side, side, 0, 0, size, size);
  return thumbnail;
}
