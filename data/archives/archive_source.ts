/**
 * Archives of images: tar, WebDataset shards, zip.
 *
 * @module
 */
import { UserError } from "../../core/errors.ts";
import {
  type Archive,
  type ArchiveListing,
  listArchive,
  mergeListings,
} from "./archive_listing.ts";
import { skippedFiles } from "../sources/file_names.ts";
import { IndexedSource } from "../sources/indexed_source.ts";
import {
  chooseSplit,
  type Layout,
  layoutByClassTexts,
  layoutByFolders,
  sorted,
  withoutLabels,
} from "../sources/layout.ts";
import { parseList, readListFile } from "../sources/list_file.ts";
import type { Source } from "../sources/source.ts";
import type { SourceOptions } from "../sources/source_options.ts";

/** The folder that holds everything, with its `/`; `""` if there is none. */
function commonFolder(names: readonly string[]): string {
  const slash = names[0]?.indexOf("/") ?? -1;
  if (slash < 0) return "";
  const folder = names[0].slice(0, slash + 1);
  const isCommon = names.every((name) =>
    name.startsWith(folder) && name.indexOf("/", slash + 1) > 0
  );
  return isCommon ? folder : "";
}

const topFolders = (names: readonly string[]) =>
  sorted(new Set(names.flatMap((name) => name.includes("/") ? [name.split("/", 1)[0]] : [])));

function layoutByList(text: string, listName: string, places: Map<string, number>, below: string) {
  const { paths, labels, classes } = parseList(text, listName);
  const members = Uint32Array.from(paths, (path, line) => {
    const member = places.get(below + path);
    if (member === undefined) {
      throw new UserError(
        `Cannot read list "${listName}", entry ${line + 1}: the archive has no "${below}${path}"`,
      );
    }
    return member;
  });
  return { members, labels, classes };
}

/** The requested list, or the archive's own for its split, and its name. */
function listOf(
  { texts, name }: ArchiveListing,
  { list, labels = "auto" }: SourceOptions,
  root: string,
  split: string,
): [text: string, name: string] | undefined {
  if (list !== undefined) {
    const text = readListFile(list) ?? texts.get(list) ?? texts.get(root + list);
    if (text !== undefined) return [text, list];
    throw new UserError(`Cannot read list "${list}": there is no such file, nor one in "${name}"`, {
      hint: "check data.listFile",
    });
  }
  if (split === "" || labels !== "auto") return undefined;
  const text = texts.get(`${root}meta/${split}.txt`);
  return text === undefined ? undefined : [text, `${name}/meta/${split}.txt`];
}

/** What is in the requested split, and which split that is. */
function layoutOf(
  listing: ArchiveListing,
  options: SourceOptions,
): { readonly layout: Layout; readonly split: string } {
  const { members } = listing;
  const all = members.map((member) => member.name);
  const root = commonFolder(all);
  const names = root === "" ? all : all.map((name) => name.slice(root.length));
  const split = chooseSplit(topFolders(names), options.split, listing.name);
  const rule = options.labels ?? "auto";
  const prefix = split === "" ? "" : `${split}/`;
  const list = listOf(listing, options, root, split);
  if (list !== undefined) {
    const places = new Map(names.map((name, member) => [name, member]));
    const layout = layoutByList(...list, places, prefix);
    return { layout: rule === "none" ? withoutLabels(layout) : layout, split };
  }
  const where = prefix === "" ? listing.name : `${listing.name}/${split}`;
  const inside: number[] = [];
  names.forEach((name, member) => name.startsWith(prefix) && inside.push(member));
  const paths = inside.map((member) => names[member].slice(prefix.length));
  const classTexts = inside.map((member) => members[member].classText);
  const layout = rule === "auto" && classTexts.some((text) => text !== undefined)
    ? layoutByClassTexts(paths, classTexts, where)
    : layoutByFolders(paths, rule, where);
  const own = layout.members.map((position) => inside[position]);
  const notes = [...skippedFiles(listing.others), ...layout.notes ?? []];
  return { layout: { ...layout, members: own, notes }, split };
}

/** What is known about archives before they are listed. */
export interface KnownParts {
  /** Where those without a path are stored. */
  readonly memory?: Uint8Array | undefined;
  /** The split that all of them belong to, judging by their names. */
  readonly split?: string | undefined;
}

function openListing(
  listing: ArchiveListing,
  options: SourceOptions,
  { memory, split }: KnownParts,
): Source {
  const { members, archives } = listing;
  return new IndexedSource({
    ...layoutOf(listing, options),
    ...(split === undefined ? {} : { split }),
    idOf: (i) => archives[members[i].archive].prefix + members[i].name,
    pathOf: (i) => `${archives[members[i].archive].name}/${members[i].name}`,
    locationOf: (i) => {
      const { archive, offset: from, size, unpacked = size, missing } = members[i];
      if (missing !== undefined) return { kind: "missing", reason: missing };
      const { kind, path, base } = archives[archive];
      const offset = base + from;
      return kind === "zip" ? { kind, path, offset, size, unpacked } : { kind, path, offset, size };
    },
    ...(memory === undefined ? {} : { memory }),
  });
}

/**
 * Opens one archive, or shards as one data set; the stores are not needed afterwards.
 *
 * @param name of the data set, for messages; the archive's name unless it is a set of shards
 */
export async function openArchives(
  archives: readonly Archive[],
  name: string,
  options: SourceOptions,
  known: KnownParts = {},
): Promise<Source> {
  const isAlone = archives.length === 1 && archives[0].name === name;
  const listings: ArchiveListing[] = [];
  for (const archive of archives) {
    const prefix = isAlone ? "" : `${archive.name.split("/").at(-1)}/`;
    listings.push(await listArchive(archive, prefix, options.list));
  }
  return openListing(mergeListings(listings, name), options, known);
}
