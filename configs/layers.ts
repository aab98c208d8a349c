/** Layers of config values: who set what, and who wins. */
import { UserError } from "../core/errors.ts";

/** A nested object of config values, not yet checked. */
export type RawConfig = { [key: string]: unknown };

/** Values from one source, with the position of each. */
export interface Layer {
  readonly values: RawConfig;
  /** Where the value of a key comes from: `quickstart.jsonc:14`, `--set optimizer.lr=1e-3`. */
  origin(key: string): string;
  /** Whether its values were given for this particular run, so that no size given later reverts them. */
  readonly isGiven?: boolean;
}

/** Keys that express the same thing in two ways: a layer that sets one unsets the other. */
export const ALTERNATIVES: readonly (readonly [string, string])[] = [
  ["schedule.epochs", "schedule.steps"],
  ["schedule.warmupEpochs", "schedule.warmupRatio"],
  ["mask.ratio", "mask.maskedPatches"],
  ["checkpoint.everySteps", "checkpoint.everyEpochs"],
];

const masks = ["mask.maskedPatches", "mask.minBlock", "mask.maxBlock"];
const views = ["augment.testResize", "augment.resize", "augment.stride"];

/**
 * Sizes that a recipe sets for its own image and patch size. A layer above it that changes the image or patch
 * size unsets them, and they are derived again.
 */
const FOLLOWERS: readonly (readonly [of: string, followers: readonly string[]])[] = [
  ["model.imageSize", ["augment.size", "augment.tokenizerSize", ...views, ...masks]],
  ["model.patchSize", masks],
  ["augment.size", views],
];

/** Whether a value is a section rather than a leaf. */
export function isSection(value: unknown): value is RawConfig {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value at a dotted key, `undefined` if there is none. */
export function valueAt(values: RawConfig, key: string): unknown {
  let value: unknown = values;
  for (const part of key.split(".")) {
    if (!isSection(value)) return undefined;
    value = value[part];
  }
  return value;
}

/** Writes a value at a path, creating sections as needed. */
export function setAt(values: RawConfig, path: readonly string[], value: unknown): void {
  let section = values;
  for (const part of path.slice(0, -1)) {
    if (!isSection(section[part])) section[part] = {};
    section = section[part] as RawConfig;
  }
  section[path[path.length - 1]] = value;
}

/** All layers as one: sections are merged key by key, lists and values are replaced whole. */
export interface Merged {
  readonly values: RawConfig;
  /** Where each leaf's value comes from. */
  readonly origins: Map<string, string>;
  /** Leaves that were set for this particular run. */
  readonly given: Set<string>;
}

function forget(origins: Map<string, string>, key: string): void {
  for (const known of [...origins.keys()]) {
    if (known === key || known.startsWith(`${key}.`)) origins.delete(known);
  }
}

function mergeInto(into: RawConfig, layer: Layer, from: RawConfig, prefix: string, all: Merged) {
  for (const [name, value] of Object.entries(from)) {
    if (value === undefined) continue;
    const key = prefix === "" ? name : `${prefix}.${name}`;
    if (isSection(value)) {
      if (!isSection(into[name])) {
        forget(all.origins, key);
        into[name] = {};
      }
      mergeInto(into[name] as RawConfig, layer, value, key, all);
      if (Object.keys(value).length === 0) all.origins.set(key, layer.origin(key));
    } else {
      forget(all.origins, key);
      into[name] = structuredClone(value);
      all.origins.set(key, layer.origin(key));
      if (layer.isGiven) all.given.add(key);
    }
  }
}

function takeBack(merged: Merged, key: string): void {
  if (valueAt(merged.values, key) === undefined) return;
  const path = key.split(".");
  const section = valueAt(merged.values, path.slice(0, -1).join(".")) as RawConfig;
  delete section[path[path.length - 1]];
  forget(merged.origins, key);
}

function takeBackAlternatives(merged: Merged, layer: Layer): void {
  const given = (key: string) => (valueAt(layer.values, key) ?? null) !== null;
  for (const [one, other] of ALTERNATIVES) {
    // A resolved mask has its ratio and the count derived from it; `check.ts` compares them.
    if (given(one) && given(other) && one === "mask.ratio") continue;
    if (given(one) && given(other)) {
      throw new UserError(
        `Cannot use both "${one}" and "${other}" (${
          layer.origin(other)
        }): they express the same thing`,
        { hint: "give only one of them" },
      );
    }
    const replaced = given(one) ? other : given(other) ? one : null;
    if (replaced !== null) takeBack(merged, replaced);
  }
}

function takeBackFollowers(merged: Merged, { values }: Layer): void {
  for (const [of, followers] of FOLLOWERS) {
    const [before, now] = [valueAt(merged.values, of), valueAt(values, of)];
    if (now === undefined || before === undefined || now === before) continue;
    for (const key of followers) if (!merged.given.has(key)) takeBack(merged, key);
  }
}

/** Merges layers; later ones win. */
export function mergeLayers(layers: readonly Layer[]): Merged {
  const merged: Merged = { values: {}, origins: new Map(), given: new Set() };
  for (const layer of layers) {
    takeBackAlternatives(merged, layer);
    takeBackFollowers(merged, layer);
    mergeInto(merged.values, layer, layer.values, "", merged);
  }
  return merged;
}
