/** The flags of commands that use a model without training. */
import { UserError } from "../../core/errors.ts";
import type { InferenceOptions } from "../../tasks/inference.ts";
import { integer, path, text, toggle, type ValuesOf } from "./command.ts";
import { openProgress } from "../screen/progress.ts";
import { webgpuFlag } from "./webgpu_flag.ts";

/** The model, where it computes and how its images are preprocessed. */
export const modelFlags = {
  checkpoint: text(
    "The model: a run directory (its last checkpoint), a file in any known format or the name of a model " +
      "card.",
    { placeholder: "RUN_OR_FILE" },
  ),
  imageSize: integer("Size of the images in pixels; default: the model's. Positions are resized.", {
    minimum: 1,
  }),
  resize: integer(
    "Shorter edge of an image before the centre crop; default: the run's, or 8/7.",
    {
      minimum: 1,
    },
  ),
  batch: integer("Images at a time; default: 64.", { minimum: 1 }),
  backend: text("Where to compute: auto, webgpu, cpu, reference, or tfjs:NAME.", {
    placeholder: "NAME",
    complete: () => ["auto", "webgpu", "cpu", "reference"],
  }),
  webgpu: webgpuFlag,
  threads: integer("Threads of the cpu backend.", { minimum: 1 }),
  workers: integer("Worker threads that decode images; 0 for none.", { minimum: 0 }),
  quiet: toggle("Show only warnings and results.", { short: "q" }),
  json: toggle("Print the result as one JSON document."),
};

/** The labelled images to evaluate on. */
export const labelledDataFlags = {
  data: path(
    'Images in class folders: a folder, a .tar or .zip file, or "sample"; default: images of the run.',
  ),
  split: text("Split to learn from; default: train.", { placeholder: "NAME" }),
  testSplit: text("Split to test on; default: val, or test.", { placeholder: "NAME" }),
};

/** Values of {@link modelFlags}, and of {@link labelledDataFlags} if a command has them. */
export type ModelFlagValues =
  & ValuesOf<typeof modelFlags>
  & Partial<ValuesOf<typeof labelledDataFlags>>;

/** Seconds between progress lines if the output is not a terminal. */
export const plainSeconds = 10;

/** What `--data` says of the images: others than the run's, unless it is missing. */
export function dataKeys(data: string | undefined): NonNullable<InferenceOptions["data"]> {
  return {
    // These commands have no --set: unreadable images are skipped, and named in a warning.
    ...{ onError: "skip", maxSkipped: 1e9 },
    ...(data === undefined ? {} : {
      source: data,
      evaluationSource: null,
      // The run's lists and exclusions do not apply to other images.
      listFile: null,
      evaluationListFile: null,
      exclude: null,
      holdOut: 0.1,
    }),
  };
}

/** The flags as options of a task; `close` ends the progress. */
export function inferenceOptions(
  flags: ModelFlagValues,
): { options: InferenceOptions; close: () => void } {
  const { checkpoint, data, split, testSplit, workers, backend, webgpu, ...rest } = flags;
  if (checkpoint === undefined) {
    throw new UserError("Cannot tell which model to use: --checkpoint is missing", {
      hint: "give it a run directory, a file or the name of a model card",
    });
  }
  const progress = openProgress(plainSeconds, flags.quiet);
  const options: InferenceOptions = {
    checkpoint,
    data: {
      ...dataKeys(data),
      ...(split === undefined ? {} : { split }),
      ...(testSplit === undefined ? {} : { evaluationSplit: testSplit }),
      ...(workers === undefined ? {} : { workers }),
    },
    imageSize: rest.imageSize,
    resize: rest.resize,
    batch: rest.batch,
    threads: rest.threads,
    backendName: backend,
    implementation: webgpu,
    listener: progress.listener,
  };
  return { options, close: () => progress.close() };
}

/** `0.8412` as `84.12 %`. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}
