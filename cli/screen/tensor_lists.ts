/** Lists of tensors for people: names that differ only in the block number share one line. */
import type { LoadReport } from "../../checkpoints/open_model.ts";
import { formatShape } from "../../core/shapes.ts";

/** Names with their numbers replaced by `*`, each with its count: `blocks.*.norm1.weight ×12`. */
export function groupNames(names: readonly string[]): string[] {
  const counts = new Map<string, { first: string; count: number }>();
  for (const name of names) {
    const pattern = name.replace(/(?<=\.)\d+(?=\.)/g, "*");
    const group = counts.get(pattern) ?? { first: name, count: 0 };
    counts.set(pattern, { ...group, count: group.count + 1 });
  }
  return [...counts].map(([pattern, { first, count }]) =>
    count === 1 ? first : `${pattern} ×${count}`
  );
}

/** A list under a heading, nothing if it is empty. */
export function describeNames(heading: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  return [`${heading} (${names.length}):`, ...groupNames(names).map((name) => `  ${name}`)];
}

/** What happened to a file's tensors: those dropped, unknown, missing or of the wrong shape. */
export function describeLoadReport(report: LoadReport): string[] {
  const reasons = new Map<string, string[]>();
  for (const { name, reason } of report.dropped) {
    reasons.set(reason, [...reasons.get(reason) ?? [], name]);
  }
  const shapes = report.wrongShape.map(({ name, expected, found }) =>
    `${name}: expected ${formatShape(expected)}, found ${formatShape(found)}`
  );
  return [
    ...[...reasons].flatMap(([reason, names]) => describeNames(`dropped, ${reason}`, names)),
    ...describeNames("unused, not part of any known model", report.unknown),
    ...describeNames("missing", report.missing),
    ...describeNames("of another shape", shapes),
  ];
}
