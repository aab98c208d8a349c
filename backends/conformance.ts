/**
 * What every backend must do: a list of cases that anyone can run on their own backend.
 *
 * A case runs one op on tensors of one shape in one precision. It compares the values with plain loops in
 * float64, the gradients with finite differences of those (or, for large shapes, with the reference backend),
 * and the number of tensors before and after.
 *
 * @module
 */

import type { Backend } from "./backend.ts";
import { adamWCases } from "./conformance/adam_w_cases.ts";
import type { CaseResult, ConformanceCase } from "./conformance/case.ts";
import { codebookCases } from "./conformance/codebook_cases.ts";
import { featureMapCases } from "./conformance/feature_map_cases.ts";
import { layerCases } from "./conformance/layer_cases.ts";
import { lossCases } from "./conformance/loss_cases.ts";
import { tokenCases } from "./conformance/token_cases.ts";

export type { CaseResult, ConformanceCase } from "./conformance/case.ts";

/** Which cases to run, and whom to notify. */
export interface ConformanceOptions {
  /** Text that a case's name must contain, or a test of the case. Default: all cases. */
  readonly filter?: string | ((candidate: ConformanceCase) => boolean);
  /** Called after each case. */
  readonly onResult?: (result: CaseResult) => void;
}

let cases: readonly ConformanceCase[] | undefined;

/**
 * All cases, in the order in which they run. They keep the values they have computed for
 * comparison, so that a second backend takes less time.
 */
export function conformanceCases(): readonly ConformanceCase[] {
  return cases ??= [
    layerCases,
    tokenCases,
    codebookCases,
    lossCases,
    featureMapCases,
    adamWCases,
  ].flatMap((casesOf) => casesOf());
}

/**
 * Runs the cases on a backend, one after another; a failed case is a result, not an exception.
 *
 * @example
 * ```ts
 * import { runConformance } from "./conformance.ts";
 * import { createReferenceBackend } from "./reference/mod.ts";
 *
 * const backend = await createReferenceBackend();
 * const results = await runConformance(backend, { filter: "layerNorm [1,5]" });
 * if (results.some(({ status }) => status !== "passed")) throw new Error(results[0].message!);
 * await backend.dispose();
 * ```
 */
export async function runConformance(
  backend: Backend,
  { filter = "", onResult }: ConformanceOptions = {},
): Promise<CaseResult[]> {
  const isWanted = typeof filter === "string"
    ? ({ name }: ConformanceCase) => name.includes(filter)
    : filter;
  const results: CaseResult[] = [];
  for (const candidate of conformanceCases().filter(isWanted)) {
    const result = await candidate.run(backend);
    onResult?.(result);
    results.push(result);
  }
  return results;
}

/** The results as a table, one line per case, and a last line that counts them. */
export function formatConformance(results: readonly CaseResult[]): string {
  const number = (value: number | null) => value === null ? "-" : value.toExponential(1);
  const rows = results.map((result) => [
    result.status,
    result.name,
    number(result.valueError),
    number(result.gradientError),
    String(result.leakedTensors),
    result.message ?? "",
  ]);
  const table = [["", "case", "value", "gradient", "leaks", ""], ...rows];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  const lines = table.map((row) => {
    return row.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd();
  });
  const count = (status: CaseResult["status"]) => {
    return `${results.filter((result) => result.status === status).length} ${status}`;
  };
  return [...lines, [count("passed"), count("failed"), count("skipped")].join(", ")].join("\n");
}
