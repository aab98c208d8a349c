/**
 * The class of a sample in webdataset's `.json` member.
 *
 * @module
 */
import { UserError } from "../../core/errors.ts";

/** Where data sets have it, best first: numbers are preferred to names. */
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
 * The class as a `.cls` member would say it; undefined where a JSON says none, as one with captions.
 *
 * @throws UserError where the text is no JSON
 */
export function jsonLabel(text: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new UserError("it is no JSON", { cause });
  }
  if (typeof value !== "object" || value === null) return textOf(value);
  const found = keys.flatMap((key) =>
    Object.hasOwn(value, key) ? textOf((value as Record<string, unknown>)[key]) ?? [] : []
  );
  return found.find((label) => /^\d+$/.test(label)) ?? found[0];
}
