/**
 * Compares a folder of golden numbers with what this machine computes.
 *
 * The folder's files say which sizes, options and seeds they were made with; nothing here knows.
 *
 * @module
 */

import type { Backend } from "../../backends/backend.ts";
import { messageOf } from "../../core/errors.ts";
import { compareFinetune } from "./_compare_finetune.ts";
import { compareGeometry } from "./_compare_geometry.ts";
import { compareMim } from "./_compare_mim.ts";
import {
  compareParameterGroups,
  compareRelativePositions,
  compareSchedules,
} from "./_compare_tables.ts";
import { compareVqkd } from "./_compare_vqkd.ts";
import { Comparison, type ParityRow } from "./comparison.ts";
import { Fixture } from "./_fixture.ts";
import type { FixtureFolder } from "./fixture_folder.ts";

/** What a family of files is compared with; `backend` is not used by all. */
type Compare = (
  comparison: Comparison,
  backend: Backend,
  fixture: Fixture,
  json: unknown,
) => void | Promise<void>;

/** A family: files are recognised by the start of their names. */
interface Family {
  readonly prefix: string;
  /** Which files of a name it needs. */
  readonly needs: readonly ("json" | "safetensors")[];
  readonly compare: Compare;
}

const families: readonly Family[] = [
  { prefix: "mim_forward", needs: ["json", "safetensors"], compare: compareMim },
  { prefix: "mim_geometry", needs: ["json", "safetensors"], compare: compareGeometry },
  { prefix: "vqkd", needs: ["json", "safetensors"], compare: compareVqkd },
  { prefix: "finetune", needs: ["json", "safetensors"], compare: compareFinetune },
  { prefix: "rel_pos", needs: ["safetensors"], compare: compareRelativePositions },
  {
    prefix: "lr_schedules",
    needs: ["json"],
    compare: (comparison, _backend, _fixture, json) => compareSchedules(comparison, json),
  },
  {
    prefix: "param_groups",
    needs: ["json"],
    compare: (comparison, _backend, _fixture, json) => compareParameterGroups(comparison, json),
  },
];

/** The names, without endings, of the fixtures in a folder that {@link compareFixtures} knows. */
export function listFixtures(folder: FixtureFolder): string[] {
  const names = new Set(folder.files.map((file) => file.replace(/\.(json|safetensors)$/, "")));
  return [...names].sort().filter((name) => {
    const family = families.find(({ prefix }) => name.startsWith(prefix));
    return family?.needs.every((ending) => folder.files.includes(`${name}.${ending}`)) ?? false;
  });
}

/**
 * Compares every fixture that the folder holds, in float32.
 *
 * @param only compare these fixtures, by name without ending
 * @returns a row for each quantity; a fixture that cannot be compared gives a failed row
 */
export async function compareFixtures(
  folder: FixtureFolder,
  backend: Backend,
  only: readonly string[] = listFixtures(folder),
): Promise<ParityRow[]> {
  const rows: ParityRow[] = [];
  for (const name of only) {
    const family = families.find(({ prefix }) => name.startsWith(prefix));
    const comparison = new Comparison(name);
    try {
      if (family === undefined) throw new Error("no such kind of fixture");
      const needs = (ending: "json" | "safetensors") => family.needs.includes(ending);
      const json = needs("json") ? await folder.json(`${name}.json`) : null;
      const tensors = needs("safetensors")
        ? await folder.tensors(`${name}.safetensors`)
        : new Map();
      await family.compare(comparison, backend, new Fixture(tensors), json);
    } catch (error) {
      comparison.fail("comparison", messageOf(error));
    }
    rows.push(...comparison.rows);
  }
  return rows;
}
