/** Attention maps, from the class token or from a patch that was pressed. @module */

/// <reference lib="dom" />

import { byId, element } from "./draw.ts";
import type { PageState } from "./page_state.ts";
import { patchGrid } from "./patch_grid.ts";
import { captioned, sheetRow } from "./sheets.ts";

/** Fills the section; returns what draws it anew, for a block. */
export function mountAttention(state: PageState): (layer: number) => Promise<readonly Node[]> {
  const button = byId<HTMLButtonElement>("attention-class");
  let query: number | null = null;
  let [shownLayer, shownGrid] = [0, 0];
  let maps: { readonly name: string; readonly places: HTMLElement }[] = [];
  let cells: (readonly HTMLElement[])[] = [];

  const placeOf = (grid: number) =>
    query === null ? null : [Math.floor(query / grid), query % grid] as const;

  /** Draws the maps into the rows that are there, so that the focus stays where it is. */
  const update = async () => {
    const { columns, rows } = await state.studio.attention(shownLayer, placeOf(shownGrid));
    for (const [index, { pictures }] of rows.entries()) {
      const { name, places } = maps[index];
      places.replaceChildren(
        ...pictures.slice(1).map((map, head) => captioned(map, columns[head + 1], name)),
      );
    }
    for (const own of cells) {
      for (const [patch, cell] of own.entries()) cell.classList.toggle("lit", patch === query);
    }
    button.disabled = query === null;
  };
  button.addEventListener("click", () => {
    query = null;
    update().catch(state.tell);
  });

  return async (layer) => {
    const grid = state.model?.grid ?? 0;
    if (grid !== shownGrid) query = null;
    [shownLayer, shownGrid] = [layer, grid];
    const { rows } = await state.studio.attention(layer, placeOf(grid));
    [maps, cells] = [[], []];
    const drawn = rows.map(({ id, pictures: [picture] }) => {
      const name = state.names.get(id) ?? id;
      const patched = patchGrid({
        ...{ picture, grid, label: `Patches of ${name}` },
        nameOf: () => "attention from here",
        onPress: (patch) => {
          query = patch;
          update().catch(state.tell);
        },
      });
      const places = element("div", { className: "maps" });
      maps.push({ name, places });
      cells.push(patched.cells);
      const caption = element("figcaption", { ariaHidden: "true" }, "picture");
      return sheetRow(name, "", [element("figure", {}, patched.element, caption), places]);
    });
    await update();
    return drawn;
  };
}
