/** `--teacher`: a teacher's name, or the model itself. */
import { teacherNames } from "../../methods/vqkd/teachers/mod.ts";
import type { Override } from "../../configs/overrides.ts";
import { nearest } from "../../core/nearest.ts";
import { UserError } from "../../core/errors.ts";
import { text } from "./command.ts";

const origin = "--teacher";
/** What precedes a run of mimic's own that is to teach. */
const ownPrefix = "mimic:";

/** The flag. */
export const teacherFlag = text(
  "The tokenizer's teacher: a name such as hog or dinov2 (its file is teacher.checkpoint), a .onnx " +
    "file, folder or address, or mimic:RUN for a pretrained model of your own.",
  { placeholder: "NAME", complete: () => [...teacherNames, ownPrefix] },
);

/** Whether a value looks like a place rather than a name. */
function isPlace(value: string): boolean {
  return /\.onnx$|[/\\]|^[a-z]+:/i.test(value);
}

/** The config keys that `--teacher` sets. */
export function teacherOverrides(value: string): Override[] {
  const set = (name: string, checkpoint?: string): Override[] => [
    { key: "teacher.name", value: name, origin },
    ...(checkpoint === undefined ? [] : [{ key: "teacher.checkpoint", value: checkpoint, origin }]),
  ];
  if (value.startsWith(ownPrefix)) return set("beit", value.slice(ownPrefix.length));
  if ((teacherNames as readonly string[]).includes(value)) return set(value);
  if (isPlace(value)) return set("onnx", value);
  const guess = nearest(value, teacherNames);
  throw new UserError(`Cannot teach with "${value}": it is neither a known teacher nor a file`, {
    hint: guess === undefined
      ? `give --teacher one of ${teacherNames.join(", ")}, or a .onnx file`
      : `did you mean "${guess}"?`,
  });
}
