/**
 * Which numbers a part stands for: hashes from two machines are equal if configs and images are, wherever they
 * are stored.
 *
 * @module
 */

import { type Config, tasks } from "../../methods/mod.ts";
import { decidingValues, hashValues } from "../../pipeline/engine/resuming/config_hash.ts";
import type { StudyPart } from "./parts.ts";

/** Paths in a config, which differ between machines, replaced by what is there. */
function withoutPaths(
  part: StudyPart,
  images: string,
  teachers: ReadonlyMap<string, string>,
): Config {
  const config: Config = structuredClone(part.config);
  config.data.source = images;
  const [need] = part.needs;
  if (config.task === "tokenizer" && config.teacher.checkpoint !== null) {
    config.teacher.checkpoint = teachers.get(config.teacher.checkpoint) ?? null;
  }
  if (config.task === "finetune") config.pretrained = need ?? null;
  if (config.task === "pretrain") {
    // Features are those of a run, represented by its own hash, or of the untrained network.
    if (part.kind === "features") config.tokenizer.checkpoint = "";
    else if (need !== undefined) config.tokenizer.checkpoint = need;
  }
  return config;
}

/** The values that differ from `defaults`. */
function differing(value: unknown, defaults: unknown): unknown {
  if (!isRecord(value) || !isRecord(defaults)) return value;
  const found = Object.entries(value).flatMap(([key, inner]) =>
    JSON.stringify(inner) === JSON.stringify(defaults[key])
      ? []
      : [[key, differing(inner, defaults[key])]]
  );
  return Object.fromEntries(found);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The hash of each part, by id.
 *
 * @param images what a data set consists of, by its name
 * @param teachers the hashes of the teachers' files, by their paths
 */
export async function partHashes(
  parts: readonly StudyPart[],
  images: ReadonlyMap<string, string>,
  teachers: ReadonlyMap<string, string> = new Map(),
): Promise<Map<string, string>> {
  const hashes = new Map<string, string>();
  for (const part of parts) {
    const config = withoutPaths(part, images.get(part.dataset)!, teachers);
    // Values equal to the schema's defaults do not count, so that a key added later changes no
    // hash.
    const defaults = tasks[config.task].schema.parse({ task: config.task });
    const own = differing(decidingValues(config), defaults);
    const labels = part.kind === "features" || part.kind === "teacher" ? part.labels : [];
    const needs = part.needs.map((id) => hashes.get(id));
    hashes.set(part.id, await hashValues([part.kind, own, labels, needs]));
  }
  return hashes;
}
