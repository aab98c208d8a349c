/**
 * Values derived from others: from `variant`, and from the model's sizes.
 *
 * They are the lowest layer, so a recipe or `--set` overrides each of them.
 *
 * @module
 */
import type { Layer, RawConfig } from "./layers.ts";
import { ALTERNATIVES, setAt, valueAt } from "./layers.ts";
import { leavesOf, nodeAt } from "./nodes.ts";
import type { TaskDefinition } from "./task.ts";

/** Where mmselfsup differs from unilm, whose behaviour the schema's defaults follow. */
const MMSELFSUP: Readonly<Record<string, unknown>> = {
  "data.exif": true,
  "data.dropLast": false,
  "augment.interpolation": "cv2-area",
  "augment.randomErasing.variant": "mmselfsup",
  "augment.mixing.pairing": "permutation",
  "mask.variant": "mmselfsup",
  "model.initVariant": "mmselfsup",
  "model.dropPathTwice": true,
  "model.headInitScale": 1,
  "tokenizer.updatesDuringPretraining": true,
  "optimizer.noDecayRule": "mmselfsup",
  "schedule.variant": "mmselfsup",
  "schedule.warmupStartFactor": 1e-4,
};

/** What `variant` sets for a task. */
export function variantLayer(
  { schema, inertKeys = [], unlikeMmselfsup = [] }: TaskDefinition,
  variant: unknown,
): Layer {
  const values: RawConfig = {};
  if (variant === "mmselfsup") {
    for (const [key, value] of Object.entries(MMSELFSUP)) {
      if (unlikeMmselfsup.includes(key) || inertKeys.includes(key)) continue;
      const found = nodeAt(schema, key);
      if (found.node !== null) setAt(values, found.path, value);
    }
  }
  return { values, origin: () => `variant ${variant}` };
}

/** A value derived from others. */
export interface Derived {
  readonly key: string;
  readonly value: unknown;
  /** `derived from model.imageSize` */
  readonly origin: string;
}

/**
 * What follows from `written`, the merged layers, for the keys that they leave open. It has not
 * been checked yet, so a value is only used as a number if it is one.
 */
export function derivedValues(
  { schema, inertKeys = [] }: TaskDefinition,
  written: RawConfig,
): Derived[] {
  const derived: Derived[] = [];
  const known = new Set(
    leavesOf(schema).map((leaf) => leaf.key).filter((key) => !inertKeys.includes(key)),
  );
  const value = (key: string) =>
    valueAt(written, key) ?? derived.find((entry) => entry.key === key)?.value;
  const number = (key: string): number | null => {
    const found = value(key);
    return typeof found === "number" && Number.isFinite(found) ? found : null;
  };
  const derive = (key: string, value: unknown, origin: string) => {
    if (known.has(key) && valueAt(written, key) === undefined) derived.push({ key, value, origin });
  };
  const follow = (key: string, from: string) => {
    if (number(from) !== null) derive(key, number(from), `derived from ${from}`);
  };

  follow("augment.size", "model.imageSize");
  follow("augment.tokenizerSize", "augment.size");
  const size = number("augment.size");
  if (size !== null) {
    const origin = "derived from augment.size";
    // The papers' ratio of 224 to 256 px, and ADE20K's 512 px.
    derive("augment.testResize", Math.round(size * 256 / 224), origin);
    derive("augment.resize", [4 * size, size], origin);
    derive("augment.stride", Math.max(1, Math.floor(size * 2 / 3)), origin);
  }
  for (const [one, other] of ALTERNATIVES) {
    if (other === "mask.maskedPatches") continue;
    if ((value(one) ?? null) !== null) derive(other, null, `replaced by ${one}`);
    else if ((value(other) ?? null) !== null) derive(one, null, `replaced by ${other}`);
  }
  if (known.has("mask.maskedPatches")) {
    const side = Math.floor((number("model.imageSize") ?? 224) / (number("model.patchSize") ?? 16));
    const ratio = number("mask.ratio");
    const masked = side === 14 && ratio === null ? 75 : Math.floor((ratio ?? 0.4) * side * side);
    const from = ratio === null ? "the patch grid" : "mask.ratio";
    derive("mask.maskedPatches", Math.max(1, masked), `derived from ${from}`);
    follow("mask.maxBlock", "mask.maskedPatches");
    const most = number("mask.maxBlock") ?? 75;
    if (most < 16) {
      // The paper's smallest block is 16 of 196 patches, which a small grid has no room for.
      const smallest = Math.max(1, Math.min(most, Math.round(side * side * 16 / 196)));
      derive("mask.minBlock", smallest, "derived from the patch grid");
    }
  }
  return derived;
}
