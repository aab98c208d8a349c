/** Pictures of bytes as elements. @module */

/// <reference lib="dom" />

import type { RgbPicture } from "../../report/png.ts";

/** Pictures smaller than this show their pixels. */
const smoothPixels = 65;

/** A picture as a canvas that screen readers call `label`; with an empty one it is decoration. */
export function canvasOf({ width, height, data }: RgbPicture, label: string): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const image = new ImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    image.data.set(data.subarray(pixel * 3, pixel * 3 + 3), pixel * 4);
    image.data[pixel * 4 + 3] = 255;
  }
  canvas.getContext("2d")!.putImageData(image, 0, 0);
  if (width < smoothPixels) canvas.classList.add("pixels");
  if (label === "") canvas.ariaHidden = "true";
  else {
    canvas.role = "img";
    canvas.ariaLabel = label;
  }
  return canvas;
}

/** An element with properties and children. */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  properties: Partial<HTMLElementTagNameMap[Name]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** The element of the page with an id. */
export function byId<Kind extends HTMLElement = HTMLElement>(id: string): Kind {
  return document.getElementById(id) as Kind;
}
