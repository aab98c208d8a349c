/** The pixels of a patch as a teacher: for comparison, and what `method: kMeans` is simplest with. @module */

import type { TeacherKind } from "./teacher_kind.ts";

/** The kind. */
export const pixels = {
  isEncoder: false,
  dim: ({ patchSize }) => 3 * patchSize ** 2,
  open: async ({ config }) => {
    const { PixelTeacher } = await import("../../../models/teachers/pixels.ts");
    return new PixelTeacher(config.model.patchSize);
  },
} satisfies TeacherKind;
