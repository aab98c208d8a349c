import assert from "node:assert/strict";
import { drawText, fitText, lineHeight, textWidth, wrapText } from "../../report/letters.ts";
import type { PictureSheet } from "../../report/picture_sheet.ts";
import type { RgbPicture } from "../../report/png.ts";
import { sheetPicture } from "../../report/sheet_picture.ts";

/** Whether a text stands somewhere in a picture, in any colour: the pattern of its darkest pixels. */
function hasText(picture: RgbPicture, text: string): boolean {
  const own = {
    width: textWidth(text),
    height: lineHeight,
    data: new Uint8Array(textWidth(text) * lineHeight * 3).fill(255),
  };
  drawText(own, text, { x: 0, y: 0, color: [0, 0, 0] });
  const inked: [x: number, y: number][] = [];
  const empty: [x: number, y: number][] = [];
  for (let at = 0; at < own.width * own.height; at++) {
    const place: [number, number] = [at % own.width, Math.floor(at / own.width)];
    if (own.data[at * 3] === 0) inked.push(place);
    if (own.data[at * 3] === 255) empty.push(place);
  }
  assert.ok(inked.length > text.length, text);
  const light = (x: number, y: number) => picture.data[(y * picture.width + x) * 3];
  for (let y = 0; y + own.height <= picture.height; y++) {
    for (let x = 0; x + own.width <= picture.width; x++) {
      const isInked = ([dx, dy]: [number, number]) => light(x + dx, y + dy) < 120;
      const isEmpty = ([dx, dy]: [number, number]) => light(x + dx, y + dy) === 255;
      if (inked.every(isInked) && empty.every(isEmpty)) return true;
    }
  }
  return false;
}

const square = (level: number): RgbPicture => ({
  ...{ width: 4, height: 4, data: new Uint8Array(48).fill(level) },
});

const sheet: PictureSheet = {
  title: "Masks",
  explanation: "Masked block by block, until 6 of 16 patches are masked.",
  columns: ["image", "mask 1"],
  rows: ["train/cat.jpg", "train/ö-ß é.png"].map((id) => ({
    ...{ id, caption: id, pictures: [square(200), square(90)] },
  })),
  figures: {},
};

Deno.test("a sheet says in the picture what it is, what its columns are, and the files' names", () => {
  const picture = sheetPicture(sheet, 120);
  assert.equal(picture.width, 2 * 120 + 8 + 28);
  for (
    const text of [
      "Masks",
      "Masked block by block",
      "image",
      "mask 1",
      "train/cat.jpg",
      "ö-ß é.png",
    ]
  ) {
    assert.ok(hasText(picture, text), text);
  }
  assert.ok(!hasText(picture, "mask 2") && !hasText(picture, "train/dog.jpg"));
});

Deno.test("sheets of one column stand beside each other, framed by whether the model is right", () => {
  const rows = [true, false, true].map((isRight, i) => ({
    ...{ id: `${i}`, caption: `shirt ${i}`, pictures: [square(200)], isRight },
  }));
  const picture = sheetPicture({ ...sheet, columns: ["image"], rows }, 96);
  assert.equal(picture.width, 3 * 96 + 2 * 8 + 28);
  const colors = new Set<string>();
  for (let at = 0; at < picture.data.length; at += 3) {
    colors.add(picture.data.subarray(at, at + 3).join());
  }
  assert.ok(colors.has("26,127,75") && colors.has("179,64,15"));
  for (const text of ["shirt 0", "shirt 2"]) assert.ok(hasText(picture, text), text);
});

Deno.test("texts that are too long lose their middle, unknown letters become a box", () => {
  const long = "photos/summer/a-very-long-name-of-a-file.jpg";
  const cut = fitText(long, 150);
  assert.ok(textWidth(cut) <= 150 && cut.startsWith("photos") && cut.endsWith(".jpg"), cut);
  assert.equal(fitText("short", 150), "short");
  assert.equal(textWidth("犬"), textWidth("□"));
  assert.equal(textWidth("ǎ"), textWidth("a"), "an accent that the font lacks is left out");
  assert.deepEqual(wrapText("one two", textWidth("one")), ["one", "two"]);
  const small = { width: 3, height: 3, data: new Uint8Array(27) };
  drawText(small, "W", { x: -4, y: -6, color: [255, 255, 255] });
});
