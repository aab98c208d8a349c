/** Assembling token sequences from patches, the mask token and positions. @module */

import type { KernelBuilder, KernelDescription } from "../../code/kernel_builder.ts";

interface Parts {
  isMasked: boolean;
  isPositioned: boolean;
}

/** Rows of patches, or of the mask token where the mask is not 0, plus positions. */
function buildAssemble(k: KernelBuilder, { isMasked, isPositioned }: Parts): void {
  const [patches, mask, maskToken, positions, y, rows, columns] = k.indices(
    "patches",
    "mask",
    "maskToken",
    "positions",
    "y",
    "rows",
    "columns",
  );
  k.repeat(rows, () => {
    const token = k.letIndex(maskToken);
    const isOpen = isMasked ? k.let(k.loadSplat(mask).isEqual(0)) : null;
    const pointers = [patches, y];
    if (isMasked) pointers.push(token);
    if (isPositioned) pointers.push(positions);
    k.forElements(columns, pointers, (lanes) => {
      const patch = lanes.load(patches);
      const value = isOpen === null ? patch : isOpen.select(patch, lanes.load(token));
      lanes.store(y, isPositioned ? value.plus(lanes.load(positions)) : value);
    });
    mask.advance(4);
  });
}

/** dpatches = dy where the mask is 0, otherwise 0; dmaskToken += dy where it is not. */
function buildBackward(k: KernelBuilder): void {
  const [dy, mask, dpatches, dmaskToken, rows, columns] = k.indices(
    "dy",
    "mask",
    "dpatches",
    "dmaskToken",
    "rows",
    "columns",
  );
  k.repeat(rows, () => {
    const isOpen = k.let(k.loadSplat(mask).isEqual(0));
    const token = k.letIndex(dmaskToken);
    k.forElements(columns, [dy, dpatches, token], (lanes) => {
      const slope = k.let(lanes.load(dy));
      lanes.store(dpatches, isOpen.select(slope, 0));
      lanes.store(token, lanes.load(token).plus(isOpen.select(0, slope)));
    });
    mask.advance(4);
  });
}

export const descriptions: readonly KernelDescription[] = [
  {
    name: "assemblePlain",
    build: (k) => buildAssemble(k, { isMasked: false, isPositioned: false }),
  },
  {
    name: "assemblePositioned",
    build: (k) => buildAssemble(k, { isMasked: false, isPositioned: true }),
  },
  {
    name: "assembleMasked",
    build: (k) => buildAssemble(k, { isMasked: true, isPositioned: false }),
  },
  {
    name: "assembleMaskedPositioned",
    build: (k) => buildAssemble(k, { isMasked: true, isPositioned: true }),
  },
  { name: "assembleBackward", build: buildBackward },
];
