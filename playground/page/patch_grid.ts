/** A picture whose patches can be pointed at, by mouse, touch and keyboard. @module */

/// <reference lib="dom" />

import type { RgbPicture } from "../../report/png.ts";
import { canvasOf, element } from "./draw.ts";

/** What a grid shows. */
export interface PatchGridOptions {
  readonly picture: RgbPicture;
  /** Patches along a side. */
  readonly grid: number;
  /** For screen readers. */
  readonly label: string;
  /** Of one patch, for screen readers: `code 17`. */
  readonly nameOf: (patch: number) => string;
  /** Called when a patch is pointed at or focused. */
  readonly onPoint?: (patch: number) => void;
  /** Called when a patch is pressed. */
  readonly onPress?: (patch: number) => void;
}

/** A picture under a grid of buttons, one for each patch; one of them is in the order of tabs. */
export function patchGrid(
  { picture, grid, label, nameOf, onPoint, onPress }: PatchGridOptions,
): { readonly element: HTMLElement; readonly cells: readonly HTMLElement[] } {
  const cells: HTMLButtonElement[] = [];
  const rows = Array.from({ length: grid }, (_, row) => {
    const line = element("div", { role: "row" });
    for (let column = 0; column < grid; column++) {
      const patch = row * grid + column;
      const cell = element("button", { type: "button", tabIndex: patch === 0 ? 0 : -1 });
      cell.ariaLabel = `row ${row + 1}, column ${column + 1}: ${nameOf(patch)}`;
      cell.dataset.patch = String(patch);
      cells.push(cell);
      line.append(element("div", { role: "gridcell" }, cell));
    }
    return line;
  });
  const table = element("div", { role: "grid", ariaLabel: label, className: "grid" }, ...rows);
  table.style.setProperty("--patches", String(grid));
  const patchAt = (event: Event) => {
    const { patch } = (event.target as HTMLElement).dataset;
    return patch === undefined ? null : Number(patch);
  };
  const listen = (kind: string, act: (patch: number) => void) => {
    table.addEventListener(kind, (event) => {
      const patch = patchAt(event);
      if (patch !== null) act(patch);
    });
  };
  if (onPoint !== undefined) {
    for (const kind of ["pointerover", "focusin", "click"]) listen(kind, onPoint);
  }
  if (onPress !== undefined) listen("click", onPress);
  listen("focusin", (patch) => {
    for (const [at, cell] of cells.entries()) cell.tabIndex = at === patch ? 0 : -1;
  });
  table.addEventListener("keydown", (event) => {
    const patch = patchAt(event);
    if (patch === null) return;
    const column = patch % grid;
    const target = {
      ArrowLeft: column > 0 ? patch - 1 : patch,
      ArrowRight: column < grid - 1 ? patch + 1 : patch,
      ArrowUp: patch - grid,
      ArrowDown: patch + grid,
      Home: patch - column,
      End: patch - column + grid - 1,
    }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    cells[target]?.focus();
  });
  return {
    element: element("div", { className: "patched" }, canvasOf(picture, ""), table),
    cells,
  };
}
