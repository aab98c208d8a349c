/** Histograms of oriented gradients as a teacher: no download. @module */

import { most } from "../../../configs/sections/most.ts";
import { z } from "../../../deps/zod.ts";
import type { NamedValues } from "../../../models/parameter_set.ts";
import { firstViews } from "./first_views.ts";
import type { TeacherKind, TeacherRun } from "./teacher_kind.ts";

/** The section `teacher.hog`. */
const settings = z.strictObject({
  localComponents: z.int().min(1).max(most.width).default(48).describe(
    "Principal components kept of a patch's neighbourhood.",
  ),
  globalComponents: z.int().min(0).max(most.width).default(64).describe(
    "Principal components of the whole image's histogram given to every patch; 0: none.",
  ),
  globalWeight: z.number().min(0).default(0.7).describe(
    "Length of the whole-image part, relative to 1 for the neighbourhood.",
  ),
  fitImages: z.int().min(1).max(most.images).default(1000).describe(
    "Images that the components are fitted to.",
  ),
}).describe("Settings of the `hog` teacher.").prefault({});

type HogSettings = z.output<typeof settings>;

/** The hog teacher's part of a checkpoint's extra tensors, if there is one. */
function keptHog(kept: ReadonlyMap<string, NamedValues> | null): Map<string, NamedValues> | null {
  const state = new Map([...kept ?? []].filter(([name]) => name.startsWith("teacher.hog.")));
  return state.size === 0 ? null : state;
}

/** Fits the hog teacher to views of the run's first images. */
async function fit(run: TeacherRun<HogSettings>) {
  const { fitHog } = await import("../../../models/teachers/hog.ts");
  const { pixels } = await firstViews(run, run.settings.fitImages);
  return fitHog(pixels, { ...run.settings, ...run.config.model });
}

/** The kind; what it computes with is loaded when it is opened. */
export const hog = {
  settings,
  isEncoder: false,
  dim: (_, { localComponents, globalComponents }) => localComponents + globalComponents,
  async open(run) {
    const { HogTeacher } = await import("../../../models/teachers/hog.ts");
    return new HogTeacher(run.on, keptHog(run.kept) ?? await fit(run), run.config.model);
  },
} satisfies TeacherKind<HogSettings>;
