/**
 * Which numbers a part stands for: those of two machines have the same hash where the configs and the
 * images are the same, wherever they lie.
 *
 * @module
 */

import type { Config } from "../../configs/schema.ts";
import { configHash } from "../config_hash.ts";
import type { StudyPart } from "./parts.ts";

/** SHA-256 of a text as hexadecimal. */
async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Paths in a config, which differ from machine to machine, replaced by what lies there. */
function withoutPaths(part: StudyPart, images: string): Config {
  const config: Config = structuredClone(part.config);
  config.data.source = images;
  const [need] = part.needs;
  if (config.task === "finetune") config.pretrained = need ?? null;
  if (config.task === "pretrain") {
    // Features are those of a run, which its own hash stands for, or of the untrained network.
    if (part.kind === "features") config.tokenizer.checkpoint = "";
    else if (need !== undefined) config.tokenizer.checkpoint = need;
  }
  return config;
}

/**
 * The hash of each part, by id.
 *
 * @param images what a data set consists of, by its name
 */
export async function partHashes(
  parts: readonly StudyPart[],
  images: ReadonlyMap<string, string>,
): Promise<Map<string, string>> {
  const hashes = new Map<string, string>();
  for (const part of parts) {
    const own = await configHash(withoutPaths(part, images.get(part.dataset)!));
    const labels = part.kind === "features" ? part.labels : [];
    const needs = part.needs.map((id) => hashes.get(id));
    hashes.set(part.id, await sha256(JSON.stringify([part.kind, own, labels, needs])));
  }
  return hashes;
}
