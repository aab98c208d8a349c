/** Any vision model in an ONNX file as a teacher. @module */

import { type OnnxSettings, onnxSettings } from "./onnx_settings.ts";
import type { TeacherKind } from "./teacher_kind.ts";

/** Width that is planned for before the file is read: that of a small vision transformer. */
const plannedDim = 384;

/** The kind; onnxruntime is loaded when it is opened. */
export const onnx = {
  settings: onnxSettings,
  isEncoder: false,
  dim: (_, { whiten }) => whiten ?? plannedDim,
  open: async (run) => (await import("./onnx_teacher.ts")).openOnnxTeacher(run),
} satisfies TeacherKind<OnnxSettings>;
