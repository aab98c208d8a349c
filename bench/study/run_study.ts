/**
 * Runs a study part by part: parts that have a result are skipped, and several processes may share
 * the work.
 *
 * @module
 */

import { readJsonFile, ResultStore, writeTextFile } from "../../checkpoints/store/result_store.ts";
import { hashFile } from "../../checkpoints/tensors/hash_file.ts";
import type { Study } from "../../configs/study.ts";
import { UserError } from "../../core/errors.ts";
import type { RunEvent } from "../../pipeline/engine/events.ts";
import { partHashes } from "./part_hash.ts";
import {
  claimDirectory,
  isOtherPart,
  isSamePart,
  isTrained,
  type PartIdentity,
} from "./part_identity.ts";
import { type StudyPart, studyParts } from "./parts.ts";
import { type PartResult, runPart } from "./run_part.ts";
import { studyImages } from "./study_images.ts";

/** What happens in a study. */
export type StudyEvent =
  | { readonly type: "part"; readonly part: StudyPart; readonly done: number; readonly of: number }
  | { readonly type: "result"; readonly result: PartResult }
  | { readonly type: "run"; readonly part: StudyPart; readonly event: RunEvent }
  | Extract<RunEvent, { type: "progress" }>
  /** Every remaining part is being processed by another process. */
  | { readonly type: "wait" };

/** How to run a study. */
export interface StudyOptions {
  /** Images of the data sets for which the study's file has no path, by name. */
  readonly sources: ReadonlyMap<string, string>;
  /** Files of the teachers for which the study's file has none, by name. */
  readonly teachers?: ReadonlyMap<string, string>;
  /** Folder for results and run directories. */
  readonly directory: string;
  /** JSON file with all known results: what it holds is not run again. */
  readonly results: string;
  readonly listener?: (event: StudyEvent) => void;
  /** Ends the study after the current step, with a checkpoint. */
  readonly signal?: AbortSignal;
}

/** A study's parts and what is known about them. */
export interface StudyState {
  readonly parts: readonly StudyPart[];
  /** By id of the part. */
  readonly results: ReadonlyMap<string, PartResult>;
}

/** The result of a study. */
export interface StudyResult extends StudyState {
  readonly interrupted: boolean;
}

const waitMs = 5000;

/** The results of a study's parts: from its folder, or else from the file of known results. */
class Results {
  readonly #store: ResultStore;
  readonly #known: ReadonlyMap<string, PartResult>;
  readonly #identities: ReadonlyMap<string, PartIdentity>;

  constructor(store: ResultStore, file: string, identities: ReadonlyMap<string, PartIdentity>) {
    const { parts = [] } = readJsonFile(file) as { parts?: PartResult[] } | null ?? {};
    this.#known = new Map(parts.map((result) => [result.id, result]));
    this.#store = store;
    this.#identities = identities;
  }

  /** The result of a part, if it is for the same config and images. */
  of(id: string): PartResult | null {
    const wanted = this.#identities.get(id)!;
    const found = [this.#store.read(id) as PartResult | null, this.#known.get(id) ?? null];
    return found.find((result) => isSamePart(result, wanted)) ?? null;
  }

  all(parts: readonly StudyPart[]): Map<string, PartResult> {
    return new Map(parts.flatMap(({ id }) => {
      const result = this.of(id);
      return result === null ? [] : [[id, result] as const];
    }));
  }
}

/** Where a study's images and runs are. */
function placesOf(study: Study, { sources, teachers = new Map(), directory }: StudyOptions) {
  const store = new ResultStore(directory);
  return {
    store,
    places: {
      sources: filesOf(study.datasets, sources, "data sets"),
      teachers: filesOf(study.teachers, teachers, "teachers"),
      directoryOf: (id: string) => store.directoryOf(id),
    },
  };
}

/** The files of what a study names, those given before its own. */
function filesOf(
  named: Readonly<Record<string, { readonly source: string | null }>>,
  given: ReadonlyMap<string, string>,
  what: string,
): Map<string, string> {
  for (const name of given.keys()) {
    if (Object.hasOwn(named, name)) continue;
    throw new UserError(`Cannot run the study: "${name}" is not one of its ${what}`, {
      hint: `its ${what} are ${Object.keys(named).join(", ")}`,
    });
  }
  return new Map(
    Object.entries(named).flatMap(([name, { source }]) => {
      const path = given.get(name) ?? source;
      return path === null ? [] : [[name, path] as const];
    }),
  );
}

async function open(study: Study, options: StudyOptions) {
  const { store, places } = placesOf(study, options);
  const parts = await studyParts(study, places);
  const images = await studyImages(parts, (done, total) => {
    options.listener?.({ type: "progress", what: "Examining the images", done, total });
  });
  const descriptions = Array.from(
    images,
    ([name, { description }]) => [name, description] as const,
  );
  const teachers = new Map(
    [...places.teachers.values()].map((path) => [path, hashFile(path)] as const),
  );
  const hashes = await partHashes(parts, new Map(descriptions), teachers);
  const identities = new Map(parts.map(({ id, dataset }) => {
    return [id, { hash: hashes.get(id)!, images: images.get(dataset)!.print }] as const;
  }));
  const results = new Results(store, options.results, identities);
  return { store, parts, images, identities, results };
}

/**
 * The parts of a study and the existing results; nothing is run.
 *
 * @throws UserError for a mistake in the study or its images
 */
export async function studyState(study: Study, options: StudyOptions): Promise<StudyState> {
  const { parts, results } = await open(study, options);
  return { parts, results: results.all(parts) };
}

/**
 * Runs the remaining parts of a study, in order.
 *
 * After each part, `onProgress` receives what is known. Runs that other parts need are repeated if their
 * directory is gone.
 *
 * @throws UserError for a mistake in the study, its images or a run directory
 */
export async function runStudy(
  study: Study,
  options: StudyOptions,
  onProgress: (state: StudyState) => void = () => {},
): Promise<StudyResult> {
  const { listener = () => {}, signal } = options;
  const { store, parts, images, identities, results } = await open(study, options);
  const byId = new Map(parts.map((part) => [part.id, part]));
  const holdsOther = (id: string) => {
    const result = store.read(id) as PartResult | null;
    return isOtherPart(store.directoryOf(id), identities.get(id)!, result);
  };
  const isThere = (id: string) => isTrained(store.directoryOf(id)) && !holdsOther(id);
  const isReady = ({ needs }: StudyPart) => needs.every(isThere);
  /** The first part of a chain that must run before this one can. */
  const isWanted = ({ id }: StudyPart): boolean =>
    results.of(id) === null ||
    (!isThere(id) && parts.some((other) => other.needs.includes(id) && isWanted(other)));
  const state = () => ({ parts, results: results.all(parts) });
  while (!signal?.aborted) {
    const left = parts.filter(isWanted);
    const done = parts.length - left.length;
    listener({ type: "progress", what: "Parts of the study", done, total: parts.length });
    if (left.length === 0) return { ...state(), interrupted: false };
    let hasRun = false;
    for (const part of left) {
      if (!isReady(part)) continue;
      const lock = store.tryLock(part.id);
      if (lock === null) continue;
      try {
        // Another process may have finished it since the list was made.
        if (!isWanted(part)) continue;
        listener({ type: "part", part, done, of: parts.length });
        const tokenizer = byId.get(part.needs[0] ?? "");
        const directory = store.directoryOf(part.id);
        const identity = identities.get(part.id)!;
        if (part.kind !== "features" && part.kind !== "teacher") {
          if (holdsOther(part.id)) throw otherPartError(part.id, directory);
          claimDirectory(directory, identity);
        }
        const result = await runPart(part, {
          directory,
          directoryOf: (id) => store.directoryOf(id),
          identity,
          tokenizer: tokenizer?.kind === "tokenizer" ? tokenizer : null,
          images: images.get(part.dataset)!.count,
          listener: (event) => listener({ type: "run", part, event }),
          ...(signal === undefined ? {} : { signal }),
        });
        if (result === null) return { ...state(), interrupted: true };
        store.write(part.id, result);
        listener({ type: "result", result });
        onProgress(state());
      } finally {
        lock.release();
      }
      hasRun = true;
      break;
    }
    if (hasRun || signal?.aborted) continue;
    listener({ type: "wait" });
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
  return { ...state(), interrupted: true };
}

function otherPartError(id: string, directory: string): UserError {
  return new UserError(
    `Cannot continue with "${id}": the run in "${directory}" was started with other images or another ` +
      "config of the study",
    { hint: "choose another --out, put the images back, or remove that directory" },
  );
}

/** Writes all results into the single file that is kept with the page. */
export function writeResults(
  file: string,
  study: Study,
  command: string,
  { parts, results }: StudyState,
): void {
  const known = parts.flatMap(({ id }) => results.get(id) ?? []);
  const document = { command, study, parts: known };
  writeTextFile(file, JSON.stringify(document, null, 1) + "\n");
}
