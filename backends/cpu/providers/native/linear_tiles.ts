/** Instructions for statements on tile registers. @module */

import type { Index } from "../../code/expression.ts";
import type { TileStatement } from "../../code/statement.ts";
import { tileRegister } from "../../code/tiles.ts";
import type { LinearOperand, Virtual } from "./linear_instructions.ts";
import type { Mnemonic } from "./x64_instructions.ts";

const tiles = 8;

/** Where the configuration has the bytes of a row of each tile (16 bits), and its rows (8 bits). */
const configurationBytes = 64;
const rowBytesPlace = 16;
const rowsPlace = 48;

/** All tiles at their full size; the first byte is the number of the palette, of which there is one. */
function fullTiles(): number[] {
  const bytes = new Array<number>(configurationBytes).fill(0);
  bytes[0] = 1;
  for (let tile = 0; tile < tiles; tile++) {
    bytes[rowBytesPlace + 2 * tile] = tileRegister.rowBytes;
    bytes[rowsPlace + tile] = tileRegister.rows;
  }
  return bytes;
}

/** The instruction; `toRegister` brings an index into one. */
export function tileInstruction(
  statement: TileStatement,
  toRegister: (index: Index) => Virtual,
): [Mnemonic, ...LinearOperand[]] {
  switch (statement.operation) {
    case "start":
      return ["ldtilecfg", { bytes: fullTiles() }];
    case "end":
      return ["tilerelease"];
    case "zero":
      return ["tilezero", { fixed: statement.tile }];
    case "multiply": {
      const { sum, left, right } = statement;
      return ["tdpbf16ps", { fixed: sum }, { fixed: left }, { fixed: right }];
    }
    case "load":
    case "store": {
      const { tile, address, rowBytes, offset } = statement;
      const place = { base: toRegister(address), rowBytes: toRegister(rowBytes), offset };
      return statement.operation === "load"
        ? ["tileloadd", { fixed: tile }, place]
        : ["tilestored", place, { fixed: tile }];
    }
  }
}
