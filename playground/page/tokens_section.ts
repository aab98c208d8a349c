/** Pictures with their codes; patches that share a code light up together. @module */

/// <reference lib="dom" />

import { byId, canvasOf, element } from "./draw.ts";
import type { PageState } from "./page_state.ts";
import { patchGrid } from "./patch_grid.ts";

/** Milliseconds for which a patch is pointed at before its code is shown. */
const patience = 120;

/** Fills the section; returns what draws it anew. */
export function mountTokens(state: PageState): () => Promise<readonly Node[]> {
  const [body, panel, colors] = [byId("tokens"), byId("code"), byId<HTMLInputElement>("colors")];
  let cellsOf = new Map<number, HTMLElement[]>();
  let lit: readonly HTMLElement[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let shown = -1;

  colors.addEventListener("change", () => body.classList.toggle("colored", colors.checked));

  const light = (code: number) => {
    if (code === shown) return;
    shown = code;
    for (const cell of lit) cell.classList.remove("lit");
    lit = cellsOf.get(code) ?? [];
    for (const cell of lit) cell.classList.add("lit");
    body.classList.add("lighting");
    clearTimeout(timer);
    timer = setTimeout(() => showCode(code).catch(state.tell), patience);
  };

  const showCode = async (code: number) => {
    const { mean, count, patches } = await state.studio.code(code);
    if (code !== shown) return;
    const others = count - lit.length;
    const text = `Code ${code}: ${patchCount(lit.length)} in these pictures` +
      (others > 0 ? `, ${patchCount(others)} in some of the bundled clothes.` : ".");
    const examples = element(
      "div",
      { className: "examples" },
      ...patches.map((patch) => canvasOf(patch, "")),
    );
    panel.replaceChildren(
      element(
        "div",
        { className: "card" },
        element("p", {}, text),
        ...mean === null
          ? []
          : [element("figure", {}, canvasOf(mean, ""), element("figcaption", {}, "their mean"))],
        element("figure", {}, examples, element("figcaption", {}, "some of them, each in a frame")),
      ),
    );
  };

  return async () => {
    const views = await state.studio.tokens();
    const { grid, colors: codeColors } = state.tokenizer;
    cellsOf = new Map();
    [lit, shown] = [[], -1];
    body.classList.remove("lighting");
    panel.replaceChildren();
    const counts = new Map<number, number>();
    for (const { codes } of views) {
      for (const code of codes) counts.set(code, (counts.get(code) ?? 0) + 1);
    }
    return views.map(({ id, picture, codes }) => {
      const name = state.names.get(id) ?? id;
      const { element: patched, cells } = patchGrid({
        ...{ picture, grid, label: `Patches of ${name}` },
        nameOf: (patch) => `code ${codes[patch]}, ${patchCount(counts.get(codes[patch])!)}`,
        onPoint: (patch) => light(codes[patch]),
      });
      for (const [patch, cell] of cells.entries()) {
        const code = codes[patch];
        const own = cellsOf.get(code) ?? [];
        own.push(cell);
        cellsOf.set(code, own);
        cell.dataset.code = String(code);
        cell.style.setProperty(
          "--code",
          `rgb(${codeColors.subarray(code * 3, code * 3 + 3).join()})`,
        );
      }
      const caption = `${name} · ${new Set(codes).size} different codes`;
      return element("figure", {}, patched, element("figcaption", {}, caption));
    });
  };
}

function patchCount(count: number): string {
  return count === 1 ? "1 patch" : `${count} patches`;
}
