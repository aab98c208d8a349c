/**
 * What a study compares: data sets, arms and budgets, read from one file.
 *
 * @module
 */
import { z } from "../deps/zod.ts";
import { UserError } from "../core/errors.ts";
import { readSource } from "./sources.ts";
import { workingDirectory } from "./recipes.ts";

const overrides = z.record(z.string(), z.unknown());
const passes = z.int().min(1);
/** Data sets and arms become folders of the study, so no name may lead out of it. */
const name = z.string().regex(
  /^(?!tokenizer($|-))[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/,
  'expected a name of letters, digits, "_", "-" and "." that starts with a letter or digit and is ' +
    'neither "tokenizer" nor "tokenizer-…"',
);

const datasetSchema = z.strictObject({
  title: z.string().describe("What the page calls the images."),
  source: z.string().nullable().describe(
    "Labelled images as in `data.source`; null: given on the command line.",
  ),
  recipes: z.strictObject({
    tokenizer: z.string(),
    pretrain: z.string(),
    finetune: z.string(),
  }).describe("The recipes whose values apply wherever the study sets no others."),
  passes: z.strictObject({ tokenizer: passes, pretrain: passes }).describe(
    "Images processed in training: steps × batch.",
  ),
  tokenizer: overrides.default({}).describe("Config keys of tokenizer training."),
  pretrain: overrides.default({}).describe("Config keys of pretraining."),
  finetune: overrides.default({}).describe("Config keys of fine-tuning."),
});

const teacherSchema = z.strictObject({
  title: z.string().describe("What the page calls the teacher."),
  source: z.string().nullable().describe(
    "The model's file, as in `teacher.checkpoint`; null: given on the command line.",
  ),
  multiplyAdds: z.number().positive().describe("Multiply–adds that it takes for one image."),
  settings: overrides.default({}).describe("Config keys of the tokenizers that it teaches."),
});

const tokenizerSchema = z.strictObject({
  title: z.string().describe("What the page calls the tokenizer."),
  teacher: z.string().optional().describe("Which of the study's teachers it has; default: none."),
  settings: overrides.default({}).describe("Config keys on top of the data set's."),
});

const setupSchema = z.strictObject({
  title: z.string().describe("What the page calls the section of the arms that have it."),
  model: overrides.default({}).describe("Config keys of the network, wherever it is trained."),
  pretrain: overrides.default({}).describe("Config keys of pretraining."),
  finetune: overrides.default({}).describe("Config keys of fine-tuning."),
});

const armSchema = z.strictObject({
  title: z.string().describe("What the page calls the arm."),
  setup: z.string().optional().describe("Which of the study's setups it has; default: none."),
  tokenizer: z.string().optional().describe(
    "Which of the study's tokenizers it learns from; default: the data set's own.",
  ),
  pretrain: overrides.nullable().describe("Config keys of its pretraining; null: from scratch."),
  pretrainBudget: z.number().positive().default(1).describe(
    "Image passes of its pretraining, if different from the data set's.",
  ),
  pretrainSeed: z.int().optional().describe(
    "Seed of the single pretraining run that all fine-tuning seeds start from; default: one for each.",
  ),
  finetune: overrides.default({}).describe("Config keys of its fine-tuning."),
});

const comparisonSchema = z.strictObject({
  dataset: z.string(),
  arms: z.array(z.string()).min(1),
  labels: z.number().positive().max(1).describe("Label fraction used in fine-tuning."),
  passes: z.array(passes).min(1).describe("Budgets of fine-tuning, in image passes."),
  seeds: z.array(z.int()).min(1).optional().describe("Fewer seeds than the study's."),
});

/** A study. */
export const studySchema = z.strictObject({
  $schema: z.string().optional(),
  seeds: z.array(z.int()).min(1).describe("Every arm runs once with each seed."),
  common: overrides.default({}).describe("Config keys of every run."),
  datasets: z.record(name, datasetSchema),
  teachers: z.record(name, teacherSchema).default({}).describe("Models from files that teach."),
  tokenizers: z.record(name, tokenizerSchema).default({}).describe(
    "Tokenizers besides the data sets' own.",
  ),
  setups: z.record(name, setupSchema).default({}).describe(
    "Settings that several arms share, on top of the data set's.",
  ),
  arms: z.record(name, armSchema),
  labels: z.array(z.number().positive().max(1)).min(1).describe(
    "Label fractions used for k-NN and the linear probe.",
  ),
  comparisons: z.array(comparisonSchema).min(1).describe("What is run, most important first."),
});

/** A complete study. */
export type Study = z.output<typeof studySchema>;
/** A data set of a study. */
export type StudyDataset = Study["datasets"][string];
/** Settings that several arms of a study share. */
export type StudySetup = Study["setups"][string];

/** The bundled study. */
export const bundledStudy = new URL("./studies/study.jsonc", import.meta.url);

/**
 * Reads and checks a study.
 *
 * @param path a .jsonc, .yaml or .ts file; default: the bundled study
 * @throws {UserError} if it cannot be read, a value has the wrong type or a name is unknown
 *
 * @example The bundled study
 * ```ts
 * import { readStudy } from "./study.ts";
 * const study = await readStudy();
 * if (study.arms.scratch.pretrain !== null) throw new Error();
 * ```
 */
export async function readStudy(path?: string): Promise<Study> {
  const url = path === undefined ? bundledStudy : new URL(path, workingDirectory());
  const label = path ?? "study.jsonc";
  const { values } = await readSource(url, label, true);
  return parseStudy(values, label);
}

/** Checks the values of a study; `label` is what messages call them. */
export function parseStudy(values: unknown, label = "the given values"): Study {
  const { success, data, error } = studySchema.safeParse(values);
  if (!success) {
    const [issue] = error.issues;
    // For a key that is not a valid name, the actual issue is one level deeper.
    const message = issue.code === "invalid_key" ? issue.issues[0].message : issue.message;
    throw new UserError(`Cannot use the study "${label}": ${issue.path.join(".")}: ${message}`);
  }
  const requireOne = (of: object, name: string | undefined, what: string) => {
    if (name === undefined || Object.hasOwn(of, name)) return;
    throw new UserError(`Cannot use the study "${label}": "${name}" is none of its ${what}`, {
      hint: `known: ${Object.keys(of).join(", ") || "none"}`,
    });
  };
  for (const { tokenizer, setup } of Object.values(data.arms)) {
    requireOne(data.tokenizers, tokenizer, "tokenizers");
    requireOne(data.setups, setup, "setups");
  }
  for (const { teacher } of Object.values(data.tokenizers)) {
    requireOne(data.teachers, teacher, "teachers");
  }
  for (const [index, { dataset, arms }] of data.comparisons.entries()) {
    const unknown = Object.hasOwn(data.datasets, dataset)
      ? arms.find((arm) => !Object.hasOwn(data.arms, arm))
      : dataset;
    if (unknown === undefined) continue;
    const known = [...Object.keys(data.datasets), ...Object.keys(data.arms)].join(", ");
    throw new UserError(
      `Cannot use the study "${label}": comparisons.${index} names "${unknown}", which is neither ` +
        "one of its arms nor one of its data sets",
      { hint: `known: ${known}` },
    );
  }
  return data;
}
