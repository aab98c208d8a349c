/** Vision transformers as kinds of teacher, each loaded from its file. @module */

import { encoders, type EncoderTeacherName } from "./encoders.ts";
import type { TeacherKind } from "./teacher_kind.ts";

function encoderKind(name: EncoderTeacherName): TeacherKind {
  return {
    isEncoder: true,
    dim: ({ embedDim }) => encoders[name].dim ?? embedDim,
    open: async (run) => (await import("./encoder_teacher.ts")).openEncoderTeacher(name, run),
  };
}

/** All of them. */
export const encoderKinds = Object.fromEntries(
  (Object.keys(encoders) as EncoderTeacherName[]).map((name) => [name, encoderKind(name)]),
) as Readonly<Record<EncoderTeacherName, TeacherKind>>;
