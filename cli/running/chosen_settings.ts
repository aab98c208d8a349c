/** What a training command uses if neither a recipe nor a flag sets it. */
import { readRunConfig } from "../../checkpoints/store/run_directory.ts";
import {
  chooseSettings,
  type ChosenSettings,
  type MachineFacts,
} from "../../configs/choose_settings.ts";
import { modelSizes, modelSizeValues, modelTitles } from "../../configs/model_sizes.ts";
import type { Override } from "../../configs/overrides.ts";
import { resolveConfig } from "../../methods/configs.ts";
import { type Task, tasks } from "../../methods/mod.ts";
import { nodeAt } from "../../configs/nodes.ts";
import type { TaskDefinition } from "../../configs/task.ts";
import { median } from "../../core/median.ts";
import { UserError } from "../../core/errors.ts";
import { type ImageHeads, readImageHeads } from "../../data/images/image_heads.ts";
import type { RunListener } from "../../pipeline/engine/events.ts";
import { openTrainingSource } from "../../pipeline/images/data_sources.ts";
import type { ConfigFlagValues } from "../parsing/config_flags.ts";

/** Values with lower priority than those that were given. */
export interface Choice {
  readonly overrides: readonly Override[];
  /** null if there was nothing to choose. */
  readonly settings: ChosenSettings | null;
}

/** Number of files whose headers are read: enough to know the sizes, and done in a second or two. */
const mostHeads = 2000;
const quickStartBatch = 16;
/** Used when only the sizes are to be chosen: the bundled images. */
const sampleImages = { count: 6000, shortEdge: 28 };

/** The value that `--set KEY=VALUE` gives a key. */
function setValue(flags: ConfigFlagValues, key: string): string | undefined {
  return flags.set.findLast((text) => text.startsWith(`${key}=`))?.slice(key.length + 1);
}

function sizeOf(flags: ConfigFlagValues, name: "imageSize" | "patchSize"): number | undefined {
  const value = flags[name] ?? setValue(flags, `model.${name}`);
  return value === undefined ? undefined : Number(value);
}

/** Whether there is a GPU that is not emulated on the CPU. */
async function hasGpu(backend: unknown): Promise<boolean> {
  if (backend !== undefined && backend !== "auto" && backend !== "webgpu") return false;
  const { requestAdapter, summarizeAdapter } = await import("../../backends/webgpu/mod.ts");
  try {
    return !summarizeAdapter(await requestAdapter()).isSoftware;
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}

async function machineFacts({ threads, backend }: ConfigFlagValues): Promise<MachineFacts> {
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "systemMemoryInfo" });
  return {
    cores: Number(threads ?? navigator.hardwareConcurrency),
    memoryBytes: state === "granted" ? Deno.systemMemoryInfo().total : null,
    hasGpu: await hasGpu(backend),
  };
}

function tellUnreadable({ unreadable, examined }: ImageHeads, tell: RunListener): void {
  if (unreadable.length === 0) return;
  const named = unreadable.slice(0, 3).map(({ id, reason }) => `${JSON.stringify(id)} (${reason})`);
  const more = unreadable.length > named.length ? ", …" : "";
  const are = unreadable.length === 1 ? "is" : "are";
  tell({
    type: "note",
    message: `Skipped: ${unreadable.length} of ${examined} images ${are} unreadable: ` +
      `${named.join(", ")}${more}`,
  });
}

/** What a run's images are like; a `UserError` if there are too few to learn from. */
async function imageFacts(
  task: Task,
  flags: ConfigFlagValues,
  given: readonly Override[],
  tell: RunListener,
) {
  const overrides = [
    ...given,
    ...flags.set,
    ...(flags.data === undefined ? [] : [{
      key: "data.source",
      value: flags.data,
      origin: "--data",
    }]),
  ];
  const { config } = await resolveConfig({ task, overrides });
  const source = await openTrainingSource(config.data);
  try {
    const heads = await readImageHeads(source, {
      most: mostHeads,
      maxPixels: config.data.maxPixels,
      onProgress: (done, total) =>
        tell({ type: "progress", what: "Examining the images", done, total }),
    });
    tellUnreadable(heads, tell);
    const share = heads.sizes.length / heads.examined;
    const count = Math.round(share * source.length);
    if (count < 2) {
      throw new UserError(
        `Cannot train on "${config.data.source}": it holds ` +
          (count === 0
            ? `no readable image, of ${source.length}`
            : `one image to train on, "${source.entry(0).id}"`),
        { hint: "give a folder with at least two images, preferably hundreds" },
      );
    }
    const shortEdges = heads.sizes.map(({ width, height }) => Math.min(width, height));
    return { count, shortEdge: median(shortEdges), unreadable: source.length - count };
  } finally {
    source.close?.();
  }
}

/** The image size of the run that a downstream task starts from; undefined if it is not a run. */
function sizeOfCheckpoint(checkpoint: string): number | undefined {
  try {
    const stored = readRunConfig(checkpoint) as {
      config?: { model?: { imageSize?: number } };
    } | null;
    return stored?.config?.model?.imageSize;
  } catch (error) {
    // There is no config next to a file's name or the name of a model card.
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** A downstream task uses images as large as those its model was trained on. */
function checkpointChoice(flags: ConfigFlagValues): Override[] {
  const checkpoint = String(flags.checkpoint);
  const given = flags.model !== undefined
    ? "--model"
    : flags.patchSize !== undefined
    ? "--patch-size"
    : null;
  if (given !== null) {
    throw new UserError(`Cannot use ${given} with --checkpoint: the model is the checkpoint's`, {
      hint: `omit ${given}; --image-size may differ`,
    });
  }
  const size = flags.config.length > 0 ? undefined : sizeOfCheckpoint(checkpoint);
  if (size === undefined) return [];
  const origin = `the image size of ${checkpoint}`;
  return [{ key: "model.imageSize", otherwise: "augment.size", value: size, origin }];
}

function overridesOf(
  task: Task,
  flags: ConfigFlagValues,
  settings: ChosenSettings,
  count: number,
): Override[] {
  const { imageSize, patchSize, model, passes, lr } = settings;
  const { embedDim } = modelSizes[model];
  const { schema, choose = ({ sizes }) => sizes } = tasks[task] as TaskDefinition;
  const sizes = setValue(flags, "model.embedDim") === undefined
    ? modelSizeValues(schema, model)
    : {};
  const batch = Math.min(quickStartBatch, count);
  const values: Record<string, unknown> = {
    "model.imageSize": imageSize,
    "model.patchSize": patchSize,
    ...choose({
      ...{ passes, lr, embedDim, sizes, batch },
      givenBatch: Number(flags.batch ?? batch),
    }),
  };
  const origin = "chosen for the images and the machine";
  return Object.entries(values).map(([key, value]) => ({ key, value, origin }));
}

/** Values for every command that is given the user's own images. */
function dataChoice(flags: ConfigFlagValues): Override[] {
  if (flags.data === undefined || flags.data === "sample") return [];
  return [{ key: "data.holdOut", value: 0.1, origin: "--data, where there are no splits" }];
}

/**
 * Some files in any collection of photographs are broken: they are skipped, and reported as such. Cameras store
 * images rotated and say so in their EXIF tags.
 */
function carefully(unreadable: number): Override[] {
  return [
    { key: "data.exif", value: true, origin: "--data" },
    { key: "data.onError", value: "skip", origin: "--data" },
    { key: "data.maxSkipped", value: Math.max(100, 2 * unreadable), origin: "--data" },
  ];
}

/**
 * Chooses what was left open: sizes, model and training length for the user's own images, or to match the sizes
 * given; and a checkpoint's image size.
 *
 * @param tell called with what is skipped and with the progress of examining the images
 */
export async function chooseFor(
  task: Task,
  flags: ConfigFlagValues & { readonly resume?: string | undefined },
  tell: RunListener,
): Promise<Choice> {
  if (flags.resume !== undefined) return { overrides: [], settings: null };
  const { schema, inertKeys = [] } = tasks[task];
  const held = inertKeys.includes("data.holdOut") ? [] : dataChoice(flags);
  const hasOwnImages = held.length > 0;
  const hasRecipe = flags.config.length > 0;
  const facts = hasOwnImages && !hasRecipe ? await imageFacts(task, flags, held, tell) : null;
  const always = [...held, ...facts === null ? [] : carefully(facts.unreadable)];
  if (flags.checkpoint !== undefined) {
    return { overrides: [...always, ...checkpointChoice(flags)], settings: null };
  }
  const [imageSize, patchSize] = [sizeOf(flags, "imageSize"), sizeOf(flags, "patchSize")];
  const { model } = flags;
  const isOpen = !hasRecipe && nodeAt(schema, "model.imageSize").node !== null &&
    (hasOwnImages || imageSize !== undefined || patchSize !== undefined || model !== undefined);
  if (!isOpen) return { overrides: always, settings: null };
  const images = facts ?? sampleImages;
  const settings = chooseSettings(images, await machineFacts(flags), {
    imageSize,
    patchSize,
    // Without the user's own images, only what depends on the given sizes is chosen.
    model: model ?? (hasOwnImages ? undefined : "mini"),
  });
  const chosen = overridesOf(task, flags, settings, images.count)
    .filter((override) =>
      hasOwnImages || typeof override !== "string" && /^model\.|lr$/.test(override.key)
    );
  return { overrides: [...always, ...chosen], settings };
}

/** The choice in one line: `64 px in patches of 8, ViT-Ti, about 25 minutes; …`. */
export function describeChoice(
  { imageSize, patchSize, model }: ChosenSettings,
  seconds: number | null,
): string {
  const { embedDim, depth } = modelSizes[model];
  const minutes = seconds === null ? "" : `, ${aboutMinutes(seconds)}`;
  return `${imageSize} px in patches of ${patchSize}, ${modelTitles[model]} (${depth} blocks of ` +
    `${embedDim})${minutes}; --image-size, --patch-size, --model, --epochs to change`;
}

function aboutMinutes(seconds: number): string {
  if (seconds < 90) return "about a minute";
  if (seconds < 5400) return `about ${Math.round(seconds / 60)} minutes`;
  return `about ${(seconds / 3600).toPrecision(2)} hours`;
}
