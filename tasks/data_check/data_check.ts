/**
 * `data check`: what a run would encounter in a data set, before it runs.
 *
 * @module
 */
import { excludeLine } from "../../data/sources/exclude.ts";
import { MissingSplitError } from "../../data/sources/layout.ts";
import { openSource } from "../../data/sources/open_source.ts";
import { dataLocation } from "../../pipeline/images/data_sources.ts";
import { median } from "../../core/median.ts";
import type { RunListener } from "../../pipeline/engine/events.ts";
import { examine, type Examined, type Part, placeOf } from "./examine.ts";
import { Groups, joinNearDuplicates } from "./near_duplicates.ts";

/** What to check. */
export interface DataCheckOptions {
  /** A folder, a tar or a zip file, as in `data.source`. */
  readonly source: string;
  /** Rotate images according to their EXIF orientation before comparing them; default: true. */
  readonly exif?: boolean;
  readonly maxPixels?: number;
  readonly signal?: AbortSignal;
  readonly listener?: RunListener;
}

/** An image in a group. */
export interface CheckedImage {
  readonly id: string;
  readonly part: string;
  /** null if it has none. */
  readonly className: string | null;
  readonly width: number;
  readonly height: number;
}

/** Images that are the same, or look alike. */
export interface DuplicateGroup {
  /** Whether their files are identical, byte for byte. */
  readonly isExact: boolean;
  /** Whether training images are among the evaluation images. */
  readonly isAcrossParts: boolean;
  /** Whether they are labelled with different classes. */
  readonly hasOtherClasses: boolean;
  readonly images: readonly CheckedImage[];
}

/** The findings. */
export interface DataCheck {
  readonly source: string;
  readonly parts: readonly { readonly name: string; readonly images: number }[];
  /** Images that can be read. */
  readonly images: number;
  readonly unreadable: readonly {
    readonly id: string;
    readonly part: string;
    readonly reason: string;
  }[];
  /** Images of each class, by split. */
  readonly classes: readonly {
    readonly name: string;
    readonly images: Readonly<Record<string, number>>;
  }[];
  /** Shorter edges in pixels; null if no image can be read. */
  readonly shortEdge:
    | { readonly least: number; readonly median: number; readonly most: number }
    | null;
  readonly largest: { readonly width: number; readonly height: number } | null;
  readonly duplicates: readonly DuplicateGroup[];
  /** Files whose names are not those of readable images, and how the splits came about. */
  readonly notes: readonly string[];
  /** Whether it was stopped before the end. */
  readonly interrupted: boolean;
}

/** The share held out of a data set without splits, as on the command line. */
const heldOutShare = 0.1;

/** The splits of a data set that runs distinguish. */
async function openParts(location: string): Promise<Part[]> {
  const parts: Part[] = [];
  for (const split of ["train", "val", "test"]) {
    try {
      const source = await openSource(dataLocation(location), { split, holdOut: heldOutShare });
      const isKnown = parts.some(({ source: { split } }) => split === source.split);
      // Without splits, `val` and `test` are the same images, and `train` is recognised by its
      // position.
      const isAgain = parts.length > 0 && isKnown &&
        (source.split !== undefined || parts.length > 1);
      if (isAgain) source.close?.();
      else {
        const name = source.split ?? (parts.length === 0 ? "all" : "held out");
        parts.push({ name, source });
      }
    } catch (error) {
      if (!(error instanceof MissingSplitError)) throw error;
    }
  }
  if (parts.length === 2 && parts[1].name === "held out") {
    parts[0] = { ...parts[0], name: "training" };
  }
  return parts;
}

function checkedImage(parts: readonly Part[], found: Examined, index: number): CheckedImage {
  const { part, at } = placeOf(parts, index);
  const { name, source } = parts[part];
  const { id, label } = source.entry(at);
  return {
    id,
    part: name,
    className: label < 0 ? null : source.classes[label] ?? String(label),
    width: found.widths[index],
    height: found.heights[index],
  };
}

function groupOf(images: readonly CheckedImage[], isExact: boolean): DuplicateGroup {
  return {
    isExact,
    isAcrossParts: new Set(images.map(({ part }) => part)).size > 1,
    hasOtherClasses: new Set(images.map(({ className }) => className)).size > 1,
    images,
  };
}

/** Groups of identical files, and groups that look alike without all being identical. */
function duplicatesOf(
  parts: readonly Part[],
  found: Examined,
  onProgress: (done: number, total: number) => void,
): DuplicateGroup[] {
  const { count, digests, isKnown } = found;
  const [exact, near] = [new Groups(count), new Groups(count)];
  const firsts = new Map<bigint, number>();
  for (let index = 0; index < count; index++) {
    if (isKnown[index] === 0) continue;
    const digest = BigInt(digests[index * 2]) << 32n | BigInt(digests[index * 2 + 1]);
    const first = firsts.get(digest);
    if (first === undefined) firsts.set(digest, index);
    else for (const groups of [exact, near]) groups.join(first, index);
  }
  joinNearDuplicates(found, near, onProgress);
  const shown = (group: readonly number[]) =>
    group.map((index) => checkedImage(parts, found, index));
  const same = exact.list().map((group) => groupOf(shown(group), true));
  const alike = near.list()
    .filter((group) => group.some((index) => exact.find(index) !== exact.find(group[0])))
    .map((group) => groupOf(shown(group), false));
  // Leaks into the evaluation come first, then conflicting labels.
  const weight = (group: DuplicateGroup) =>
    Number(group.isAcrossParts) * 2 + Number(group.hasOtherClasses);
  return [...same, ...alike].sort((a, b) => weight(b) - weight(a));
}

function classesOf(parts: readonly Part[]): DataCheck["classes"] {
  const counts = new Map<string, Record<string, number>>();
  for (const { name, source } of parts) {
    for (const label of source.classes) counts.set(label, { ...counts.get(label), [name]: 0 });
    for (let index = 0; index < source.length; index++) {
      const { label } = source.entry(index);
      if (label < 0) continue;
      const row = counts.get(source.classes[label] ?? String(label));
      if (row !== undefined) row[name]++;
    }
  }
  return [...counts].map(([name, images]) => ({ name, images }));
}

/**
 * Reads and decodes every image of a data set, in all its splits, and compares them. This takes 68 bytes of
 * memory per image, plus the names.
 *
 * @throws UserError if there is nothing to check
 */
export async function checkData(options: DataCheckOptions): Promise<DataCheck> {
  const { source, exif = true, maxPixels, signal, listener = () => {} } = options;
  const progress = (what: string) => (done: number, total: number) =>
    listener({ type: "progress", what, done, total });
  const parts = await openParts(source);
  try {
    const found = await examine(parts, {
      exif,
      ...(maxPixels === undefined ? {} : { maxPixels }),
      ...(signal === undefined ? {} : { signal }),
      onProgress: progress("Checking images"),
    });
    const known = Array.from({ length: found.count }, (_, index) => index)
      .filter((index) => found.isKnown[index] === 1);
    const edges = known.map((index) => Math.min(found.widths[index], found.heights[index]));
    const least = edges.reduce((least, edge) => Math.min(least, edge), Infinity);
    const most = edges.reduce((most, edge) => Math.max(most, edge), 0);
    const area = (index: number) => found.widths[index] * found.heights[index];
    const largest = known.reduce(
      (best, index) => area(index) > area(best) ? index : best,
      known[0],
    );
    return {
      source,
      parts: parts.map(({ name, source }) => ({ name, images: source.length })),
      images: known.length,
      unreadable: found.unreadable.map(({ index, reason }) => {
        const { id, part } = checkedImage(parts, found, index);
        return { id, part, reason };
      }),
      classes: classesOf(parts),
      shortEdge: known.length === 0 ? null : { least, median: median(edges), most },
      largest: largest === undefined
        ? null
        : { width: found.widths[largest], height: found.heights[largest] },
      duplicates: signal?.aborted ? [] : duplicatesOf(parts, found, progress("Comparing images")),
      notes: [...new Set(parts.flatMap(({ source }) => source.notes ?? []))],
      interrupted: signal?.aborted ?? false,
    };
  } finally {
    for (const { source } of parts) source.close?.();
  }
}

/** Images of a group that a run is better off without, and why; none of those that merely look alike. */
function superfluous({ isExact, isAcrossParts, hasOtherClasses, images }: DuplicateGroup) {
  if (isExact && hasOtherClasses) return images;
  if (!isExact && !isAcrossParts) return [];
  // The evaluation split stays unchanged: images that are in both are removed from training.
  const last = images.at(-1)!.part;
  const outside = images.filter(({ part }) => part !== last);
  const inside = images.filter(({ part }) => part === last);
  return isExact ? [...outside, ...inside.slice(1)] : outside;
}

/**
 * The list for `data.exclude`: unreadable images; all but one of identical files, or all of them if their
 * classes differ; and of images that look alike, the training ones if others are in the evaluation split.
 * Images that merely look alike within a split are listed as comments.
 */
export function excludeList({ unreadable, duplicates }: DataCheck): string {
  const lines = [
    "# Images to exclude: --set data.exclude=FILE. Lines starting with # are comments.",
  ];
  const seen = new Set<string>();
  const add = (title: string, ids: readonly string[], prefix = "") => {
    const fresh = ids.filter((id) => !seen.has(id));
    if (fresh.length === 0) return;
    lines.push(`# ${title}`, ...fresh.map((id) => prefix + excludeLine(id)));
    for (const id of fresh) seen.add(id);
  };
  add("unreadable", unreadable.map(({ id }) => id));
  for (const group of duplicates) {
    const left = superfluous(group);
    const kept = group.images.find((image) => !left.includes(image));
    const what = group.isExact ? "the same file" : "looks like";
    const title = group.isExact && group.hasOtherClasses
      ? "the same file in different classes"
      : `${what} as ${JSON.stringify(kept?.id ?? "")}`.replace("like as", "like");
    add(title, left.map(({ id }) => id));
    if (!group.isExact && !group.isAcrossParts) {
      const others = group.images.slice(1).map(({ id }) => id);
      add(`looks like ${JSON.stringify(group.images[0].id)}`, others, "# ");
    }
  }
  return lines.join("\n") + "\n";
}
