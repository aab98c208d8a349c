/** The flags that choose and change a config, the same for every task with a config. */
import { UserError } from "../../core/errors.ts";
import type { RawConfig } from "../../configs/layers.ts";
import { leavesOf, type Node, nodeAt } from "../../configs/nodes.ts";
import { type ModelName, modelSizes, modelSizeValues } from "../../configs/model_sizes.ts";
import type { Override } from "../../configs/overrides.ts";
import { recipeNames } from "../../configs/recipes.ts";
import { resolveConfig, type ResolvedConfig } from "../../methods/configs.ts";
import { type Task, tasks } from "../../methods/mod.ts";
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
import { teacherFlag, teacherOverrides } from "./teacher_flag.ts";
import { webgpuFlag } from "./webgpu_flag.ts";

/** Schemas of all tasks: what commands that take a config of any task go by. */
const allSchemas: readonly Node[] = Object.values(tasks).map(({ schema }) => schema);

/** `--config` and `--set`; without a schema, of any task. */
export function recipeFlags(schema?: Node) {
  const schemas = schema === undefined ? allSchemas : [schema];
  return {
    config: repeated(text(
      "Recipe: a bundled name or a .jsonc, .yaml or .ts file. A second one is applied on top of it.",
      { placeholder: "RECIPE", short: "c", complete: () => recipeNames },
    )),
    set: repeated(text(
      "Set one config key, as in --set optimizer.lr=1e-3; `deno task config print` shows them all.",
      {
        placeholder: "KEY=VALUE",
        short: "s",
        complete: () => schemas.flatMap((node) => leavesOf(node)).map(({ key }) => `${key}=`),
      },
    )),
  };
}

/** `--epochs`. */
export const epochsFlag = text("Length of the schedule in passes over the data.", {
  placeholder: "X",
});

/** Flags that are short names of config keys: each with its key, and what tasks without it call it. */
const shortcuts = {
  checkpoint: [
    text(
      "Pretrained model: a run directory, a file in any known format or the name of a model card.",
      {
        placeholder: "FILE",
      },
    ),
    "pretrained",
  ],
  data: [path('Images: a folder, a .tar or .zip file, or "sample".'), "data.source"],
  tokenizer: [
    text("Tokenizer: a file, a run directory, the name of a model card or the bundled one.", {
      placeholder: "FILE",
    }),
    "tokenizer.checkpoint",
  ],
  teacher: [teacherFlag, "teacher.name"],
  backend: [
    text("Where to compute: auto, webgpu, cpu, reference, or tfjs:NAME.", {
      placeholder: "NAME",
      complete: () => ["auto", "webgpu", "cpu", "reference"],
    }),
    "backend.name",
  ],
  webgpu: [webgpuFlag, "backend.implementation"],
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
    epochsFlag,
    "schedule.epochs",
    "probe.epochs",
  ],
  lr: [
    number("Peak learning rate.", { placeholder: "X" }),
    "optimizer.lr",
    "probe.lr",
  ],
  imageSize: [
    integer("Height and width of an image in pixels; positions, views and masks follow.", {
      minimum: 4,
    }),
    "model.imageSize",
    "augment.size",
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
  precision: [
    choice("Number format for matrix products.", ["auto", "amp", "float32"]),
    "precision",
  ],
  seed: [integer("Seed of every random draw."), "seed"],
  workers: [
    integer("Worker threads that decode and augment; 0 for none.", { minimum: 0 }),
    "data.workers",
  ],
  threads: [integer("Threads of the cpu backend.", { minimum: 1 }), "backend.threads"],
} as const satisfies Record<
  string,
  readonly [Flag, string] | readonly [Flag, string, string]
>;

/** `--model`: a flag that sets several keys. */
export const modelFlag = choice(
  "Size of the model: mini (the quick start's), ViT-Ti, -S, -B or -L.",
  Object.keys(modelSizes) as ModelName[],
);

/** The name of a flag that sets one config key. */
export type Shortcut = keyof typeof shortcuts;

/** Whether a schema has a key, and something reads it. */
function hasKey(schema: Node, key: string | undefined, inertKeys: readonly string[]): boolean {
  return key !== undefined && nodeAt(schema, key).node !== null && !inertKeys.includes(key);
}

/** The flags that set one config key, of a schema; without one, of any task. */
export function shortcutFlags(
  schema?: Node,
  inertKeys: readonly string[] = [],
): Readonly<Partial<Record<Shortcut, Flag>>> {
  const schemas = schema === undefined ? allSchemas : [schema];
  const entries = Object.entries(shortcuts).filter(([, [, key, otherwise]]) =>
    schemas.some((schema) => hasKey(schema, key, inertKeys) || hasKey(schema, otherwise, inertKeys))
  );
  return Object.fromEntries(entries.map(([name, [flag]]) => [name, flag]));
}

/** `--model`, if a schema has model sizes that it may choose. */
export function modelFlags(schema: Node): Readonly<Record<string, Flag>> {
  return nodeAt(schema, "model.embedDim").node === null ? {} : { model: modelFlag };
}

/** The values of {@link recipeFlags} and of any {@link shortcutFlags}. */
export type ConfigFlagValues =
  & ValuesOf<ReturnType<typeof recipeFlags>>
  & { readonly [Name in Shortcut]?: string | number | undefined }
  & { readonly model?: ModelName | undefined };

function overrideOf(name: Shortcut, value: string | number): Override {
  const [, key, otherwise] = shortcuts[name] as readonly [Flag, string, string?];
  // As text, parsed by the schema like `--set`: `--micro-batch auto` and `--micro-batch 4`.
  const isText = typeof value === "string";
  return { key, value, origin: flagName(name), isText, ...(otherwise && { otherwise }) };
}

/** What the flags override in the recipe: `--set` first, so that a specific flag wins. */
export function overridesOf(task: Task | undefined, flags: ConfigFlagValues): Override[] {
  const overrides: Override[] = [...flags.set];
  if (flags.model !== undefined) {
    const values = modelSizeValues(tasks[task ?? "pretrain"].schema, flags.model);
    for (const [key, value] of Object.entries(values)) {
      overrides.push({ key, value, origin: `--model ${flags.model}` });
    }
  }
  for (const name of Object.keys(shortcuts) as Shortcut[]) {
    const value = flags[name];
    if (value === undefined) continue;
    if (name === "teacher") overrides.push(...teacherOverrides(String(value)));
    else overrides.push(overrideOf(name, value));
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
