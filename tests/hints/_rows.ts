/** The table of hints: each is met in earnest and followed to the letter by `hints_test.ts`. */
import { commandRows, otherRows } from "./_command_rows.ts";
import { modelRows } from "./_model_rows.ts";
import type { HintRow } from "./_row.ts";
import { dataRows, directoryRows, evaluationRows } from "./_run_rows.ts";
import { shapeRows } from "./_shape_rows.ts";

/** All rows. */
export const hintRows: readonly HintRow[] = [
  ...commandRows,
  ...dataRows,
  ...evaluationRows,
  ...directoryRows,
  ...shapeRows,
  ...modelRows,
  ...otherRows,
];
