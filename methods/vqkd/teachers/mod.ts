/**
 * The teachers: the only list of them. The config's schema, `--teacher` and its help, plans and the
 * reference pages follow from it.
 *
 * @module
 */

import { z } from "../../../deps/zod.ts";
import { most } from "../../../configs/sections/most.ts";
import { encoderKinds } from "./encoder_kinds.ts";
import { hog } from "./hog.ts";
import { onnx } from "./onnx.ts";
import { pixels } from "./pixels.ts";
import type { TeacherKind } from "./teacher_kind.ts";

/** The teachers by the name that `teacher.name` gives them. */
export const teachers = {
  ...encoderKinds,
  hog,
  onnx,
  pixels,
  // deno-lint-ignore no-explicit-any
} satisfies Readonly<Record<string, TeacherKind<any>>>;

/** A teacher by its name in configs. */
export type TeacherName = keyof typeof teachers;

/** Their names, in order. */
export const teacherNames = Object.keys(teachers) as TeacherName[];

/** The sections of those with settings, by name. */
type SettingsSections = {
  readonly [
    Name in TeacherName as (typeof teachers)[Name] extends { settings: z.ZodType } ? Name : never
  ]: (typeof teachers)[Name] extends { settings: infer Section } ? Section : never;
};

const settingsSections = Object.fromEntries(
  Object.entries<TeacherKind>(teachers).flatMap(([name, { settings }]) =>
    settings === undefined ? [] : [[name, settings]]
  ),
) as SettingsSections;

/** The teacher's features on disk. */
const teacherCache = z.strictObject({
  directory: z.string().nullable().default(null).describe(
    "Folder for each image's features, which several runs may share; null: features are not stored.",
  ),
  maxBytes: z.int().min(0).max(most.bytes).default(21_474_836_480).describe(
    "Bytes that one teacher's features may take; whatever does not fit is computed each time.",
  ),
}).describe(
  "Features are looked up by the teacher's weights and the crop's pixels: by a later run with " +
    "the same seed, or within a run if `augment.cropsPerImage` makes crops repeat.",
);

/** Whose features the tokenizer learns to reconstruct. */
export const teacherSection = z.strictObject({
  name: z.enum(teacherNames).default("clip")
    .describe(
      "A model under the names of its authors, timm or transformers, a BEiT that mimic can load, or " +
        "gradient histograms (no download); `onnx`: any vision model in an ONNX file; `pixels`: those of the " +
        "patch itself.",
    ),
  checkpoint: z.string().nullable().default(null).describe(
    "The teacher's weights: a file, a run directory, the name of a model card or an address; for `onnx`, a " +
      ".onnx file or a folder with one; `hog` and `pixels` need none.",
  ),
  ...settingsSections,
  cache: teacherCache.prefault({}),
}).describe("The frozen teacher.");

/** The teacher that a config names, with its settings. */
export function kindOf(
  teacher: z.output<typeof teacherSection>,
): { readonly kind: TeacherKind; readonly settings: unknown } {
  const { name } = teacher;
  return { kind: teachers[name] as TeacherKind, settings: teacher[name as keyof typeof teacher] };
}
