/**
 * From a study to its parts: every training and evaluation, in order of importance.
 *
 * @module
 */

import type { Override } from "../../configs/overrides.ts";
import { resolveConfig } from "../../methods/configs.ts";
import type { FinetuneConfig } from "../../methods/classify/config.ts";
import type { PretrainConfig } from "../../methods/beit/config.ts";
import type { TokenizerConfig } from "../../methods/vqkd/config.ts";
import type { Study, StudyDataset, StudySetup } from "../../configs/study.ts";
import { UserError } from "../../core/errors.ts";

/** What the parts of a study have in common. */
interface PartBase {
  /** Its name and its folder: `cifar10/vqkd/seed-0/pretrain`. */
  readonly id: string;
  readonly dataset: string;
  /** Parts whose run directories it reads. */
  readonly needs: readonly string[];
}

/** A tokenizer of a data set, shared by its seeds. */
export interface TokenizerPart extends PartBase {
  readonly kind: "tokenizer";
  /** Multiply–adds of its teacher for one image; 0 for one that costs next to nothing. */
  readonly teacherCost: number;
  readonly config: TokenizerConfig;
}

/** What the parts of one arm and seed have in common. */
interface ArmPart extends PartBase {
  readonly arm: string;
  readonly seed: number;
}

/** Pretraining of one arm with one seed. */
export interface PretrainPart extends ArmPart {
  readonly kind: "pretrain";
  readonly config: PretrainConfig;
}

/** k-NN and linear accuracy of frozen features; of the untrained network if `needs` is empty. */
export interface FeaturesPart extends ArmPart {
  readonly kind: "features";
  readonly config: PretrainConfig;
  /** Label fractions. */
  readonly labels: readonly number[];
}

/** Fine-tuning of one arm with one seed, label fraction and budget. */
export interface FinetunePart extends ArmPart {
  readonly kind: "finetune";
  readonly config: FinetuneConfig;
  readonly labels: number;
  /** Image passes. */
  readonly passes: number;
}

/** k-NN and linear accuracy of a teacher's own features. */
export interface TeacherPart extends PartBase {
  readonly kind: "teacher";
  /** That of a tokenizer that it teaches. */
  readonly config: TokenizerConfig;
  /** Label fractions. */
  readonly labels: readonly number[];
}

/** One piece of a study. */
export type StudyPart = TokenizerPart | PretrainPart | FeaturesPart | FinetunePart | TeacherPart;

/** Where a study's images and run directories are. */
export interface StudyPlaces {
  /** Images of the data sets, by name; data sets without images are left out. */
  readonly sources: ReadonlyMap<string, string>;
  /** Files of the teachers, by name; arms whose teacher has none are left out. */
  readonly teachers?: ReadonlyMap<string, string>;
  /** The run directory of a part. */
  directoryOf(id: string): string;
}

const origin = "the study";

function toOverrides(...records: Readonly<Record<string, unknown>>[]): Override[] {
  return records.flatMap((record) =>
    Object.entries(record).map(([key, value]) => ({ key, value, origin }))
  );
}

/** Steps that amount to that many image passes. */
function stepsFor(passes: number, batchSize: number): Record<string, number> {
  return { "schedule.steps": Math.max(1, Math.round(passes / batchSize)) };
}

/** The id of an arm's tokenizer: the data set's own, unless the arm names another. */
export function tokenizerId(dataset: string, tokenizer: string | undefined): string {
  return `${dataset}/tokenizer${tokenizer === undefined ? "" : `-${tokenizer}`}`;
}

/** The id of the part that measures a teacher of the study. */
export function teacherId(dataset: string, teacher: string): string {
  return `${dataset}/tokenizer-teacher-${teacher}`;
}

/** `0.1` as `10pct`. */
export function labelsName(labels: number): string {
  return `${+(100 * labels).toFixed(4)}pct`;
}

/** Builds the parts of one data set. */
class DatasetParts {
  readonly #name: string;
  readonly #dataset: StudyDataset;
  readonly #study: Study;
  readonly #places: StudyPlaces;
  readonly #source: Record<string, unknown>;

  constructor(study: Study, name: string, places: StudyPlaces) {
    this.#name = name;
    this.#dataset = study.datasets[name];
    this.#study = study;
    this.#places = places;
    this.#source = { "data.source": places.sources.get(name) };
  }

  async #tokenizerConfig(
    teacher: string | undefined,
    settings: Readonly<Record<string, unknown>>,
  ): Promise<TokenizerConfig> {
    const { recipes, passes, tokenizer } = this.#dataset;
    const taught = teacher === undefined ? {} : {
      ...this.#study.teachers[teacher].settings,
      "teacher.checkpoint": this.#places.teachers!.get(teacher)!,
    };
    const values = [this.#source, this.#study.common, tokenizer, taught, settings];
    const resolve = async (more: Record<string, unknown>) =>
      await resolveConfig({
        task: "tokenizer",
        recipe: recipes.tokenizer,
        mayRun: false,
        overrides: toOverrides(...values, more),
      });
    const { config: { batchSize } } = await resolve({});
    return (await resolve(stepsFor(passes.tokenizer, batchSize))).config;
  }

  /** A tokenizer of the study, or the data set's own. */
  async tokenizer(name?: string): Promise<TokenizerPart> {
    const { settings = {}, teacher } = name === undefined ? {} : this.#study.tokenizers[name];
    const config = await this.#tokenizerConfig(teacher, settings);
    const id = tokenizerId(this.#name, name);
    const teacherCost = teacher === undefined ? 0 : this.#study.teachers[teacher].multiplyAdds;
    return { kind: "tokenizer", id, dataset: this.#name, needs: [], config, teacherCost };
  }

  /** A teacher of the study, as it is without any student. */
  async teacher(name: string): Promise<TeacherPart> {
    const config = await this.#tokenizerConfig(name, {});
    const id = teacherId(this.#name, name);
    const { labels } = this.#study;
    return { kind: "teacher", id, dataset: this.#name, needs: [], config, labels };
  }

  /** What an arm shares with others. */
  #setup(arm: string): Omit<StudySetup, "title"> {
    const { setup } = this.#study.arms[arm];
    return setup === undefined
      ? { model: {}, pretrain: {}, finetune: {} }
      : this.#study.setups[setup];
  }

  async #pretrainConfig(arm: string, seed: number): Promise<PretrainConfig> {
    const { recipes, passes, pretrain } = this.#dataset;
    const setup = this.#setup(arm);
    const own = this.#study.arms[arm].pretrain;
    const values = [
      this.#source,
      // The features are a separate part.
      { "evaluation.knn.atEnd": false, "evaluation.linear.atEnd": false, seed },
      this.#study.common,
      pretrain,
      {
        "tokenizer.checkpoint": this.#places.directoryOf(
          tokenizerId(this.#name, this.#study.arms[arm].tokenizer),
        ),
      },
      setup.model,
      // Without a pretraining, the features are of the network as it starts.
      ...(own === null ? [] : [setup.pretrain, own]),
    ];
    const resolve = async (more: Record<string, unknown>) =>
      await resolveConfig({
        task: "pretrain",
        recipe: recipes.pretrain,
        mayRun: false,
        overrides: toOverrides(...values, more),
      });
    const { config: { batchSize } } = await resolve({});
    const budget = passes.pretrain * this.#study.arms[arm].pretrainBudget;
    return (await resolve(stepsFor(budget, batchSize))).config;
  }

  /** The seed of the pretraining that a seed of an arm starts from. */
  #pretrainSeed(arm: string, seed: number): number {
    return this.#study.arms[arm].pretrainSeed ?? seed;
  }

  /** What precedes an arm's fine-tuning: tokenizer, pretraining, features. */
  async pretraining(arm: string, ownSeed: number): Promise<StudyPart[]> {
    const seed = this.#pretrainSeed(arm, ownSeed);
    const base = { dataset: this.#name, arm, seed };
    const folder = `${this.#name}/${arm}/seed-${seed}`;
    const config = await this.#pretrainConfig(arm, seed);
    const { labels } = this.#study;
    const features = {
      ...base,
      kind: "features",
      id: `${folder}/features`,
      config,
      labels,
    } as const;
    if (this.#study.arms[arm].pretrain === null) return [{ ...features, needs: [] }];
    const tokenizer = await this.tokenizer(this.#study.arms[arm].tokenizer);
    const isTaught = config.tokenizer.checkpoint === this.#places.directoryOf(tokenizer.id);
    const id = `${folder}/pretrain`;
    const needs = isTaught ? [tokenizer.id] : [];
    return [
      ...(isTaught ? [tokenizer] : []),
      { ...base, kind: "pretrain", id, needs, config },
      { ...features, needs: [id] },
    ];
  }

  async finetuning(
    arm: string,
    seed: number,
    labels: number,
    passes: number,
  ): Promise<FinetunePart> {
    const { recipes, finetune } = this.#dataset;
    const { common, arms } = this.#study;
    const setup = this.#setup(arm);
    const folder = `${this.#name}/${arm}/seed-${seed}`;
    const start = `${this.#name}/${arm}/seed-${this.#pretrainSeed(arm, seed)}/pretrain`;
    const needs = arms[arm].pretrain === null ? [] : [start];
    const values = [
      this.#source,
      // The final model is compared; choosing the best of many would use the test images.
      { "data.labelFraction": labels, evaluateEveryEpochs: 1e6, seed },
      common,
      finetune,
      setup.model,
      setup.finetune,
      arms[arm].finetune,
      { pretrained: needs.length === 0 ? null : this.#places.directoryOf(needs[0]) },
    ];
    const resolve = async (more: Record<string, unknown>) =>
      await resolveConfig({
        task: "finetune",
        recipe: recipes.finetune,
        mayRun: false,
        overrides: toOverrides(...values, more),
      });
    const { config: { batchSize } } = await resolve({});
    const { config } = await resolve(stepsFor(passes, batchSize));
    const id = `${folder}/finetune-${labelsName(labels)}-${passes}`;
    return { kind: "finetune", id, dataset: this.#name, arm, seed, needs, config, labels, passes };
  }
}

/** The teacher of an arm's tokenizer, if it is one of the study's. */
function teacherOf({ arms, tokenizers }: Study, arm: string): string | undefined {
  const { tokenizer } = arms[arm];
  return tokenizer === undefined ? undefined : tokenizers[tokenizer].teacher;
}

/** Whether an arm's teacher, if it has one, has a file. */
function hasTeacher(study: Study, arm: string, { teachers }: StudyPlaces): boolean {
  const teacher = teacherOf(study, arm);
  return teacher === undefined || (teachers?.has(teacher) ?? false);
}

/**
 * The parts of a study in the order in which they run: what a part needs comes before it.
 *
 * Data sets without images are left out.
 *
 * @throws UserError for keys that the recipes do not know
 */
export async function studyParts(study: Study, places: StudyPlaces): Promise<StudyPart[]> {
  const parts = new Map<string, StudyPart>();
  const add = (part: StudyPart) => {
    if (!parts.has(part.id)) parts.set(part.id, part);
  };
  // Features that need no training can wait.
  const untrained: (FeaturesPart | TeacherPart)[] = [];
  for (const { dataset, arms, labels, passes, seeds = study.seeds } of study.comparisons) {
    if (!places.sources.has(dataset)) continue;
    const build = new DatasetParts(study, dataset, places);
    const features: FeaturesPart[] = [];
    const teachable = arms.filter((arm) => hasTeacher(study, arm, places));
    for (const seed of seeds) {
      for (const arm of teachable) {
        for (const part of await build.pretraining(arm, seed)) {
          if (part.kind === "features") features.push(part);
          else add(part);
        }
        for (const budget of passes) add(await build.finetuning(arm, seed, labels, budget));
      }
    }
    const teachers = new Set(teachable.flatMap((arm) => teacherOf(study, arm) ?? []));
    for (const teacher of teachers) untrained.push(await build.teacher(teacher));
    for (const part of features) {
      if (part.needs.length === 0) untrained.push(part);
      else add(part);
    }
  }
  for (const part of untrained) add(part);
  if (parts.size === 0) {
    const names = Object.keys(study.datasets).join(", ");
    throw new UserError("Cannot run the study: no images are given", {
      hint: `give them with --data NAME=PATH; its data sets are ${names}`,
    });
  }
  return [...parts.values()];
}
