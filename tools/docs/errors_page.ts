/** The page of errors and of what helps, from the table that the tests follow. */
import type { Following, HintRow } from "../../tests/hints/_row.ts";
import { hintRows } from "../../tests/hints/_rows.ts";
import { unfollowed } from "../../tests/hints/_unfollowed.ts";
import { prose, table } from "./markdown.ts";

/** What is done about an error, in words. */
function actionOf(following: Following): string {
  if ("add" in following) return `give ${following.add}`;
  if ("fill" in following) return `give ${following.fill}, with a value of one's own`;
  if ("drop" in following) return `leave ${following.drop} out`;
  if ("replace" in following) return `write ${following.by} for ${following.replace}`;
  return `run ${following.run}`;
}

function rowOf({ command, error, follow, next }: HintRow): string[] {
  const [name] = command.split(" ");
  return [
    prose(name),
    prose(error),
    prose([follow].flat().map(actionOf).join(", and ")),
    next === undefined ? "it works" : `the next error: ${prose(next)}`,
  ];
}

/** Hints by the reason why the tests do not follow them. */
function reasonRows(): string[][] {
  const texts = Map.groupBy(unfollowed, ([, reason]) => reason);
  return [...texts].map(([reason, hints]) => [
    prose(reason),
    hints.map(([text]) => `“${prose(text)}”`).join("<br>"),
  ]);
}

/** `docs/errors.md`, before `deno fmt` lays it out. */
export function errorsPage(): string {
  return [
    "# Errors and what helps",
    "Written by `deno task docs` from the table in `tests/hints/`. A mistake in what was given is " +
    "told in one line, with exit code 2: what was being done, what was wanted, what was found, and " +
    "after the last semicolon the next step. The tests make each of these mistakes, take the step " +
    "from the message as it stands, and run the command again. `…` is what a message fills in.",
    table([["Command", "Error", "The step", "What comes of it"], ...hintRows.map(rowOf)]),
    "## Hints that no test follows",
    "All others in the source, by the reason; a hint that is neither here nor above fails a test.",
    table([["Reason", "Hints"], ...reasonRows()]),
  ].join("\n\n") + "\n";
}
