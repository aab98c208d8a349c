/**
 * Draws the letters of assets/sheet_font.json in a browser: DejaVu Sans at 14 px, 16 levels of grey.
 *
 *     deno run -A tools/make_sheet_font.ts
 *
 * @module
 */

import { findChromium, withBrowser } from "../tests/_browser.ts";

const ranges = [[0x20, 0x7e], [0xa1, 0x17f], [0x391, 0x3c9], [0x410, 0x44f], [0x401, 0x401], [
  0x451,
  0x451,
]];
const others = "–—‘’“”„…·•×−±≤≥½→←□";

/** Runs in the page: returns `{ height, ascent, glyphs }`. */
const draw = `(characters) => {
  const [size, height, ascent, most] = [14, 18, 14, 32];
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: most, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.font = size + "px 'DejaVu Sans'";
  const glyphs = {};
  for (const character of characters) {
    const width = Math.max(1, Math.round(context.measureText(character).width));
    context.fillStyle = "#000";
    context.fillRect(0, 0, most, height);
    context.fillStyle = "#fff";
    context.fillText(character, 0, ascent);
    const { data } = context.getImageData(0, 0, width, height);
    let levels = "";
    for (let at = 0; at < width * height; at++) levels += Math.round(data[at * 4] / 17).toString(16);
    glyphs[character] = width + ":" + levels.replace(/0{3,}/g, (zeros) => "z" + zeros.length + ".");
  }
  return { height, ascent, glyphs };
}`;

const characters = [
  ...ranges.flatMap(([from, to]) =>
    Array.from({ length: to - from + 1 }, (_, i) => String.fromCodePoint(from + i))
  ),
  ...others,
].filter((character) => /\S| /u.test(character) && !/\p{C}/u.test(character));

const chromium = findChromium();
if (chromium === null) {
  console.error("Needs a Chromium: set CHROMIUM_PATH");
  Deno.exit(2);
}
await withBrowser(chromium, async (browser) => {
  const page = await browser.newPage();
  const font = await page.evaluate(`(${draw})(${JSON.stringify(characters)})`);
  const path = new URL("../assets/sheet_font.json", import.meta.url);
  Deno.writeTextFileSync(path, JSON.stringify(font) + "\n");
});
