/** The sections that show a row of pictures for every picture. @module */

/// <reference lib="dom" />

import { maskColor, overPatches, type Rgb } from "../../report/picture_sheet.ts";
import type { RgbPicture } from "../../report/png.ts";
import { canvasOf, element } from "./draw.ts";
import type { PageState } from "./page_state.ts";

const [green, red]: readonly Rgb[] = [[0, 150, 90], [215, 40, 40]];

/** A picture with the word below it. */
export function captioned(picture: RgbPicture, caption: string, of: string): HTMLElement {
  const canvas = canvasOf(picture, `${of}: ${caption}`);
  return element("figure", {}, canvas, element("figcaption", { ariaHidden: "true" }, caption));
}

/** A picture's row. */
export function sheetRow(name: string, note: string, cells: readonly HTMLElement[]): HTMLElement {
  const title = element("h3", {}, name, ...note === "" ? [] : [element("span", {}, ` · ${note}`)]);
  return element(
    "div",
    { className: "card" },
    title,
    element("div", { className: "cells" }, ...cells),
  );
}

function masked(picture: RgbPicture, mask: Uint8Array): RgbPicture {
  return overPatches(
    picture,
    Math.sqrt(mask.length),
    (patch) => mask[patch] === 1 ? { color: maskColor, share: 0.9 } : null,
  );
}

/** Random crops with their masks. */
export async function drawCrops(state: PageState, seed: number): Promise<HTMLElement[]> {
  const views = await state.studio.crops(seed);
  return views.map(({ id, student, tokenizer, mask }) => {
    const name = state.names.get(id) ?? id;
    return sheetRow(name, "", [
      captioned(tokenizer, "the tokenizer's view", name),
      captioned(masked(student, mask), "the model's view", name),
    ]);
  });
}

/** What the model predicts for masked patches. */
export async function drawPredictions(state: PageState, seed: number): Promise<HTMLElement[]> {
  if (state.model !== null && state.model.noPredictions !== null) {
    throw new Error(`No predictions: ${state.model.noPredictions}`);
  }
  const views = await state.studio.predict(seed);
  return views.map(({ id, picture, mask, targets, predicted, drawn, best }) => {
    const name = state.names.get(id) ?? id;
    const places = [...mask.keys()].filter((patch) => mask[patch] === 1);
    const isRight = (patch: number) => targets[patch] === predicted[patch];
    const marked = overPatches(picture, Math.sqrt(mask.length), (patch) => {
      return mask[patch] === 1 ? { color: isRight(patch) ? green : red, share: 0.6 } : null;
    });
    return sheetRow(name, `${places.filter(isRight).length} of ${places.length} codes right`, [
      captioned(picture, "picture", name),
      captioned(masked(picture, mask), "masked", name),
      captioned(drawn, "predicted codes", name),
      captioned(best, "the true codes", name),
      captioned(marked, "right and wrong", name),
    ]);
  });
}

/** Principal components of features. */
export async function drawFeatures(state: PageState, layer: number): Promise<HTMLElement[]> {
  const { columns, rows } = await state.studio.features(layer);
  return rows.map(({ id, pictures }) => {
    const name = state.names.get(id) ?? id;
    const cells = pictures.map((picture, column) =>
      captioned(picture, column === 0 ? "picture" : columns[column], name)
    );
    return sheetRow(name, "", cells);
  });
}
