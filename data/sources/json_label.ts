/**
 * A sample's class in WebDataset's `.json` member.
 *
 * @module
 */
import { UserError } from "../../core/errors.ts";

/** Where data sets store it, best first: numbers are preferred to names. */
const keys = [
  "label",
  "cls",
  "class",
  "class_id",
  "label_id",
  "target",
  "class_name",
  "label_name",
];

const textOf = (value: unknown) =>
  typeof value === "string" && value !== ""
    ? value
    : Number.isSafeInteger(value) && value as number >= 0
    ? String(value)
    : undefined;

/**
 * The class as a `.cls` member would give it; undefined if the JSON has none, for instance with captions.
 *
 * @throws UserError if the text is not JSON
 */
export function jsonLabel(text: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new UserError("it is not JSON", { cause });
  }
  if (typeof value !== "object" || value === null) return textOf(value);
  const found = keys.flatMap((key) =>
    Object.hasOwn(value, key) ? textOf((value as Record<string, unknown>)[key]) ?? [] : []
  );
  return found.find((label) => /^\d+$/.test(label)) ?? found[0];
}
