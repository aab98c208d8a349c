/**
 * Archives of pictures: tar, webdataset shards, zip.
 *
 * @module
 */
import { UserError } from "../core/errors.ts";
import { type ArchiveListing, listArchive, mergeListings } from "./_archive_listing.ts";
import { type ByteStore, fileStore } from "./_byte_store.ts";
import { skippedFiles } from "./_file_names.ts";
import { IndexedSource } from "./_indexed_source.ts";
import {
  chooseSplit,
  type Layout,
  layoutByClassTexts,
  layoutByFolders,
  sorted,
} from "./_layout.ts";
import { parseList } from "./_list_file.ts";
import type { SourceOptions } from "./open_source.ts";
import type { Source } from "./source.ts";

/** An archive that is open. */
export interface Archive {
  readonly store: ByteStore;
  /** Its path for workers to open; null where it lies in memory. */
  readonly path: string | null;
  /** For messages. */
  readonly name: string;
  readonly memory?: Uint8Array;
}

/** The folder that holds everything, with its `/`; `""` where there is none. */
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

function layoutByList(text: string, listName: string, places: Map<string, number>, split: string) {
  const { paths, labels, classes } = parseList(text, listName);
  const members = Uint32Array.from(paths, (path, line) => {
    const member = places.get(`${split}/${path}`);
    if (member === undefined) {
      throw new UserError(
        `Cannot read list "${listName}", entry ${line + 1}: the archive has no "${split}/${path}"`,
      );
    }
    return member;
  });
  return { members, labels, classes };
}

/** What is in the wanted split, and which one that is. */
function layoutOf(
  listing: ArchiveListing,
  options: SourceOptions,
): { readonly layout: Layout; readonly split: string } {
  const { members, texts } = listing;
  const all = members.map((member) => member.name);
  const root = commonFolder(all);
  const names = root === "" ? all : all.map((name) => name.slice(root.length));
  const split = chooseSplit(topFolders(names), options.split, listing.name);
  const rule = options.labels ?? "auto";
  const list = texts.get(`${root}meta/${split}.txt`);
  if (split !== "" && list !== undefined && rule === "auto") {
    const places = new Map(names.map((name, member) => [name, member]));
    return {
      layout: layoutByList(list, `${listing.name}/meta/${split}.txt`, places, split),
      split,
    };
  }
  const prefix = split === "" ? "" : `${split}/`;
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

function openListing(listing: ArchiveListing, options: SourceOptions, memory?: Uint8Array): Source {
  const { kind, members, archives } = listing;
  return new IndexedSource({
    ...layoutOf(listing, options),
    idOf: (i) => archives[members[i].archive].prefix + members[i].name,
    locationOf: (i) => {
      const { archive, offset, size } = members[i];
      return { kind, path: archives[archive].path, offset, size };
    },
    ...(memory === undefined ? {} : { memory }),
  });
}

/** Opens one archive; the store is not needed afterwards. */
export async function openArchive(archive: Archive, options: SourceOptions): Promise<Source> {
  return openListing(await listArchive(archive, ""), options, archive.memory);
}

function shardsIn(folder: string): string[] {
  const names = [...Deno.readDirSync(folder)].filter((entry) => !entry.isDirectory)
    .map((entry) => entry.name).filter((name) => /^[^.].*\.tar$/.test(name));
  return sorted(names);
}

/** Whether the first files of a folder, which may hold a million pictures, are shards. */
function startsWithShards(folder: string): boolean {
  let seen = 0;
  for (const entry of Deno.readDirSync(folder)) {
    if (entry.isDirectory || entry.name.startsWith(".")) continue;
    if (entry.name.endsWith(".tar")) return true;
    if (++seen === 100) break;
  }
  return false;
}

/** Where the shards of the wanted split are: called after it, or in a folder of its name. */
function findShards(root: string, split: string | undefined): [string, string[]] {
  if (startsWithShards(root)) {
    const all = shardsIn(root);
    const named = all.filter((name) => name.startsWith(split ?? "train"));
    return [root, named.length > 0 ? named : all];
  }
  const folder = `${root}/${split ?? "train"}`;
  const isThere = [...Deno.readDirSync(root)].some((entry) =>
    entry.isDirectory && entry.name === (split ?? "train")
  );
  return isThere && startsWithShards(folder) ? [folder, shardsIn(folder)] : [root, []];
}

/** Opens a folder of tar shards; `undefined` if it is none. */
export async function openShards(
  path: string,
  options: SourceOptions,
): Promise<Source | undefined> {
  const [folder, shards] = findShards(path.replace(/(?<=.)\/+$/, ""), options.split);
  if (shards.length === 0) return undefined;
  const listings: ArchiveListing[] = [];
  for (const shard of shards) {
    const name = `${folder}/${shard}`;
    const store = fileStore(name);
    try {
      listings.push(await listArchive({ store, path: name, name }, `${shard}/`));
    } finally {
      store.close();
    }
  }
  const { split: _, ...rest } = options;
  return openListing(mergeListings(listings, folder), rest);
}
