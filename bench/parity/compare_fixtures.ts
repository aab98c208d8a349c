/**
 * Compares a folder of golden numbers with what this machine computes.
 *
 * The folder's files say which sizes, options and seeds they were made with; nothing here knows
 * them.
 *
 * @module
 */

import type { Backend, Context, Precision } from "../../backends/backend.ts";
import { messageOf } from "../../core/errors.ts";
import { compareEvaluation } from "./compare_evaluation.ts";
import { compareFinetune } from "./compare_finetune.ts";
import { compareGeometry } from "./compare_geometry.ts";
import { compareImages } from "./compare_images.ts";
import { compareMasks } from "./compare_masks.ts";
import { compareMim } from "./compare_mim.ts";
import {
  compareParameterGroups,
  compareRelativePositions,
  compareSchedules,
} from "./compare_tables.ts";
import { compareVqkd } from "./compare_vqkd.ts";
import { Comparison, float32Tolerances, type ParityRow, reducedTolerances } from "./comparison.ts";
import { Fixture } from "./fixture.ts";
import { type FixtureFolder, readFixtureJson, readFixtureTensors } from "./fixture_folder.ts";

/** What a family of files is compared with; not all of them use a backend. */
type Compare = (
  comparison: Comparison,
  on: Context,
  fixture: Fixture,
  json: unknown,
) => void | Promise<void>;

/** A family of files, recognised by the start of their names. */
interface Family {
  readonly prefix: string;
  /** Which files of a name it needs. */
  readonly needs: readonly ("json" | "safetensors")[];
  /** Whether it can be tested in reduced precision: not if small differences decide. */
  readonly servesReducedPrecision?: boolean;
  /** Whether it uses no backend, so that once is enough. */
  readonly isBackendFree?: boolean;
  readonly compare: Compare;
}

const families: readonly Family[] = [
  {
    prefix: "mim_forward",
    needs: ["json", "safetensors"],
    compare: compareMim,
    servesReducedPrecision: true,
  },
  {
    prefix: "mim_geometry",
    needs: ["json", "safetensors"],
    compare: compareGeometry,
    servesReducedPrecision: true,
  },
  { prefix: "vqkd", needs: ["json", "safetensors"], compare: compareVqkd },
  {
    prefix: "finetune",
    needs: ["json", "safetensors"],
    compare: compareFinetune,
    servesReducedPrecision: true,
  },
  { prefix: "rel_pos", needs: ["safetensors"], compare: compareRelativePositions },
  { prefix: "eval_misc", needs: ["json", "safetensors"], compare: compareEvaluation },
  {
    prefix: "image_transforms",
    isBackendFree: true,
    needs: ["json", "safetensors"],
    compare: (comparison, _on, fixture, json) => compareImages(comparison, fixture, json),
  },
  {
    prefix: "mask_generator",
    isBackendFree: true,
    needs: ["json"],
    compare: (comparison, _on, _fixture, json) => compareMasks(comparison, json),
  },
  {
    prefix: "lr_schedules",
    isBackendFree: true,
    needs: ["json"],
    compare: (comparison, _on, _fixture, json) => compareSchedules(comparison, json),
  },
  {
    prefix: "param_groups",
    isBackendFree: true,
    needs: ["json"],
    compare: (comparison, _on, _fixture, json) => compareParameterGroups(comparison, json),
  },
];

/** How to compare. */
export interface ParityOptions {
  /** Names of fixtures, without extensions; default: all that {@link listFixtures} returns. */
  readonly only?: readonly string[];
  /** Skip what needs no backend, for instance because another comparison covered it. */
  readonly skipsBackendFree?: boolean;
  /** Reduced precision has wider bounds, and skips what it cannot satisfy; default: float32. */
  readonly precision?: Precision;
}

/** The names, without extensions, of the fixtures in a folder that {@link compareFixtures} knows. */
export function listFixtures(
  folder: FixtureFolder,
  options: Omit<ParityOptions, "only"> = {},
): string[] {
  const { precision = "float32", skipsBackendFree = false } = options;
  const names = new Set(folder.files.map((file) => file.replace(/\.(json|safetensors)$/, "")));
  return [...names].sort().filter((name) => {
    const family = families.find(({ prefix }) => name.startsWith(prefix));
    if (family === undefined) return false;
    if (precision !== "float32" && !family.servesReducedPrecision) return false;
    if (skipsBackendFree && family.isBackendFree) return false;
    return family.needs.every((ending) => folder.files.includes(`${name}.${ending}`));
  });
}

/**
 * Compares the fixtures in the folder.
 *
 * @returns a row for each quantity; a fixture that cannot be compared gives a failed row
 */
export async function compareFixtures(
  folder: FixtureFolder,
  backend: Backend,
  options: ParityOptions = {},
): Promise<ParityRow[]> {
  const precision = options.precision ?? "float32";
  const tolerances = precision === "float32" ? float32Tolerances : reducedTolerances;
  const on: Context = { backend, precision };
  const rows: ParityRow[] = [];
  for (const name of options.only ?? listFixtures(folder, options)) {
    const family = families.find(({ prefix }) => name.startsWith(prefix));
    const comparison = new Comparison(name, tolerances);
    try {
      if (family === undefined) throw new Error("no such kind of fixture");
      const needs = (ending: "json" | "safetensors") => family.needs.includes(ending);
      const json = needs("json") ? await readFixtureJson(folder, `${name}.json`) : null;
      const tensors = needs("safetensors")
        ? await readFixtureTensors(folder, `${name}.safetensors`)
        : new Map<string, never>();
      await family.compare(comparison, on, new Fixture(tensors), json);
    } catch (error) {
      comparison.fail("comparison", messageOf(error));
    }
    rows.push(...comparison.rows);
  }
  return rows;
}
