/** The flags that choose and change a config, the same for every task with a config. */
import { UserError } from "../../core/errors.ts";
import type { RawConfig } from "../../configs/layers.ts";
import { leavesOf } from "../../configs/nodes.ts";
import { type ModelName, modelSizes, modelSizeValues } from "../../configs/model_sizes.ts";
import type { Override } from "../../configs/overrides.ts";
import { recipeNames } from "../../configs/recipes.ts";
import { resolveConfig, type ResolvedConfig } from "../../configs/resolve.ts";
import { schemas, type Task } from "../../configs/schema.ts";
import {
  choice,
  type Flag,
  flagName,
  integer,
  number,
  path,
  repeated,
  text,
  type ValuesOf,
} from "./command.ts";

/** Key completions of a task: `optimizer.lr=`. */
function keysOf(task: Task | undefined): () => readonly string[] {
  const tasks = task === undefined ? Object.keys(schemas) as Task[] : [task];
  return () => tasks.flatMap((name) => leavesOf(schemas[name]).map((leaf) => `${leaf.key}=`));
}

/** `--config` and `--set`. */
export function recipeFlags(task?: Task) {
  return {
    config: repeated(text(
      "Recipe: a bundled name or a .jsonc, .yaml or .ts file. A second one is applied on top of it.",
      { placeholder: "RECIPE", short: "c", complete: () => recipeNames },
    )),
    set: repeated(text(
      "Set one config key, as in --set optimizer.lr=1e-3; `deno task config print` shows them all.",
      { placeholder: "KEY=VALUE", short: "s", complete: keysOf(task) },
    )),
  };
}

/** Flags that are short names for config keys, with their key, and its name in other tasks. */
const shortcuts = {
  data: [path('Images: a folder, a .tar or .zip file, or "sample".'), "data.source"],
  tokenizer: [
    text("Tokenizer: a file, a run directory, the name of a model card or the bundled one.", {
      placeholder: "FILE",
    }),
    "tokenizer.checkpoint",
  ],
  checkpoint: [
    text(
      "Pretrained model: a run directory, a file in any known format or the name of a model card.",
      {
        placeholder: "FILE",
      },
    ),
    "pretrained",
  ],
  teacher: [
    choice("The tokenizer's teacher.", [
      "clip",
      "dino",
      "dinov2",
      "siglip",
      "mae",
      "vit",
      "beit",
      "hog",
    ]),
    "teacher.name",
  ],
  backend: [
    text("Where to compute: auto, webgpu, cpu, reference, or tfjs:NAME.", {
      placeholder: "NAME",
      complete: () => ["auto", "webgpu", "cpu", "reference"],
    }),
    "backend.name",
  ],
  threads: [integer("Threads of the cpu backend.", { minimum: 1 }), "backend.threads"],
  workers: [
    integer("Worker threads that decode and augment; 0 for none.", { minimum: 0 }),
    "data.workers",
  ],
  precision: [
    choice("Number format for matrix products.", ["auto", "amp", "float32"]),
    "precision",
  ],
  batch: [integer("Images per optimizer step.", { minimum: 1 }), "batchSize"],
  microBatch: [
    text("Images per forward pass, or auto: as many as fit.", { placeholder: "N" }),
    "microBatchSize",
  ],
  recompute: [
    integer("Number of blocks that are recomputed in the backward pass instead of being kept.", {
      minimum: 0,
    }),
    "recompute",
  ],
  epochs: [
    text("Length of the schedule in passes over the data.", { placeholder: "X" }),
    "schedule.epochs",
    { linearProbe: "probe.epochs" },
  ],
  lr: [
    number("Peak learning rate.", { placeholder: "X" }),
    "optimizer.lr",
    { linearProbe: "probe.lr" },
  ],
  imageSize: [
    integer("Height and width of an image in pixels; positions, views and masks follow.", {
      minimum: 4,
    }),
    "model.imageSize",
    { linearProbe: "augment.size" },
  ],
  patchSize: [
    integer("Height and width of a patch in pixels; it must divide the image size.", {
      minimum: 1,
    }),
    "model.patchSize",
  ],
  maxSteps: [
    integer("Stop after this step; the schedule keeps its length.", { minimum: 1 }),
    "schedule.maxSteps",
  ],
  seed: [integer("Seed of every random draw."), "seed"],
} as const satisfies Record<
  string,
  readonly [Flag, string] | readonly [Flag, string, Partial<Record<Task, string>>]
>;

/** `--model`: a flag that sets several keys. */
export const modelFlag = choice(
  "Size of the model: mini (the quick start's), ViT-Ti, -S, -B or -L.",
  Object.keys(modelSizes) as ModelName[],
);

type Shortcuts = typeof shortcuts;
/** The name of a flag that sets one config key. */
export type Shortcut = keyof Shortcuts;

/** Some of the flags that set a single config key, in the given order. */
export function shortcutFlags<const Names extends readonly Shortcut[]>(names: Names) {
  return Object.fromEntries(names.map((name) => [name, shortcuts[name][0]])) as {
    readonly [Name in Names[number]]: Shortcuts[Name][0];
  };
}

/** The values of {@link recipeFlags} and of any {@link shortcutFlags}. */
export type ConfigFlagValues =
  & ValuesOf<ReturnType<typeof recipeFlags>>
  & { readonly [Name in Shortcut]?: string | number | undefined }
  & { readonly model?: ModelName | undefined };

function overrideOf(name: Shortcut, value: string | number): Override {
  const [, key, keys] = shortcuts[name] as readonly [Flag, string, Partial<Record<Task, string>>?];
  // As text, parsed by the schema like `--set`: `--micro-batch auto` and `--micro-batch 4`.
  const isText = typeof value === "string";
  return { key, value, origin: flagName(name), isText, ...(keys && { keys }) };
}

/** What the flags override in the recipe: `--set` first, so that a specific flag wins. */
export function overridesOf(task: Task | undefined, flags: ConfigFlagValues): Override[] {
  const overrides: Override[] = [...flags.set];
  if (flags.model !== undefined) {
    const values = modelSizeValues(task ?? "pretrain", flags.model);
    for (const [key, value] of Object.entries(values)) {
      overrides.push({ key, value, origin: `--model ${flags.model}` });
    }
  }
  for (const name of Object.keys(shortcuts) as Shortcut[]) {
    const value = flags[name];
    if (value !== undefined) overrides.push(overrideOf(name, value));
  }
  return overrides;
}

/** A run to resume, with its `config.json`. */
export interface StoredConfig {
  readonly directory: string;
  readonly config: RawConfig;
  readonly origins: Readonly<Record<string, string>>;
}

/**
 * Resolves the config that flags ask for; `stored` replaces the recipe, and anything given wins over what was
 * `chosen`.
 */
export async function configOf<T extends Task>(
  task: T | undefined,
  flags: ConfigFlagValues,
  stored?: StoredConfig,
  chosen: readonly Override[] = [],
): Promise<ResolvedConfig<T>> {
  const overrides = [...chosen, ...overridesOf(task, flags)];
  const [recipe, ...extra] = flags.config;
  if (stored === undefined) {
    return await resolveConfig<T>({ recipe, extra, overrides, ...(task && { task }) });
  }
  if (recipe !== undefined) {
    throw new UserError("Cannot take a new --config with --resume: a run keeps its recipe", {
      hint: "omit --config, or start another run with --out",
    });
  }
  const origins = new Map(Object.entries(stored.origins));
  return await resolveConfig<T>({
    recipe: stored.config,
    origins,
    label: stored.directory,
    overrides,
    ...(task && { task }),
  });
}
