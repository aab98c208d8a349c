/** What a kind of teacher is: each is a file of this folder; `mod.ts` lists them. @module */

import type { Context } from "../../../backends/backend.ts";
import type { DownloadOptions } from "../../../checkpoints/hub/download.ts";
import type { CropAugment } from "../../../configs/sections/data.ts";
import type { RunConfig } from "../../../configs/task.ts";
import type { Source } from "../../../data/sources/source.ts";
import type { z } from "../../../deps/zod.ts";
import type { NamedValues } from "../../../models/parameter_set.ts";
import type { Teacher } from "../../../models/teachers/teacher.ts";
import type { RunListener } from "../../../pipeline/engine/events.ts";

/** The sizes of the tokenizer that is taught. */
export interface TaughtModel {
  readonly imageSize: number;
  readonly patchSize: number;
  readonly embedDim: number;
}

/** What a teacher is opened with. */
export interface TeacherRun<Settings = unknown> {
  readonly on: Context;
  readonly config: RunConfig & {
    readonly model: TaughtModel;
    readonly augment: CropAugment;
    readonly teacher: { readonly checkpoint: string | null };
  };
  /** The section `teacher.<name>`, where the kind has one. */
  readonly settings: Settings;
  /** The images of the run. */
  readonly source: Source;
  /** What a checkpoint of the run holds of it; null for a new run. */
  readonly kept: ReadonlyMap<string, NamedValues> | null;
  readonly listener: RunListener;
  readonly downloads: DownloadOptions;
}

/** A kind of teacher, as `teacher.name` of a config names it. */
export interface TeacherKind<Settings = unknown> {
  /** The section `teacher.<name>`, with defaults for all of it; omitted if it has no settings. */
  readonly settings?: z.ZodType<Settings>;
  /** Whether it is a vision transformer, which is planned as a ViT-B/16; others take next to nothing. */
  readonly isEncoder: boolean;
  /** Width of its features, as far as known before it is loaded. */
  dim(model: TaughtModel, settings: Settings): number;
  /** @throws UserError if its file is missing or holds something else */
  open(run: TeacherRun<Settings>): Promise<Teacher>;
}
