/**
 * The images in an archive, with the small text files that describe them.
 *
 * @module
 */
import { messageOf, UserError } from "../../core/errors.ts";
import { type ByteStore, mostFileBytes, readZipMember } from "./byte_store.ts";
import { jsonLabel } from "../sources/json_label.ts";
import { type ArchiveMember, indexTar, isTar } from "./tar_index.ts";
import { isHidden } from "../sources/file_names.ts";
import { isImagePath, sampleKey } from "../sources/layout.ts";
import { forwardSlashes } from "../sources/slashes.ts";
import { sniffFormat } from "../images/sniff.ts";
import { indexZip } from "./zip_index.ts";

/** An archive that is open. */
export interface Archive {
  readonly store: ByteStore;
  /** Its path for workers to open; null if it is in the source's memory. */
  readonly path: string | null;
  /** Where it starts in that memory; default: 0. */
  readonly base?: number;
  /** For messages. */
  readonly name: string;
}

/** An archive in a listing. */
export interface ListedArchive {
  readonly kind: "range" | "zip";
  /** Its path; null if it is in the source's memory, from `base` on. */
  readonly path: string | null;
  readonly base: number;
  /** The prefix of its members' ids. */
  readonly prefix: string;
  /** For messages. */
  readonly name: string;
}

/** An image in an archive. */
export interface ListedMember extends ArchiveMember {
  /** Which archive in the listing. */
  readonly archive: number;
  /** What the `.cls` or `.json` file next to it says about its class. */
  readonly classText?: string;
}

/** The images in one or more archives. */
export interface ArchiveListing {
  /** For messages. */
  readonly name: string;
  readonly archives: readonly ListedArchive[];
  readonly members: readonly ListedMember[];
  /** Paths of files that are neither images nor descriptions of one. */
  readonly others: readonly string[];
  /** The list files, by path. */
  readonly texts: ReadonlyMap<string, string>;
}

/** A `.cls` file holds a number or a name; a `.json` file may also hold captions. */
const classTextLimit = 1024;
const jsonLimit = 1 << 20;

/** Texts in an archive that describe its images. */
class SideFiles {
  readonly #archive: Archive;
  readonly #isZip: boolean;

  constructor(archive: Archive, isZip: boolean) {
    this.#archive = archive;
    this.#isZip = isZip;
  }

  /** The result of applying `read` to a member's text; errors name the member. */
  async read<T>(file: ArchiveMember, most: number, read: (text: string) => T): Promise<T> {
    const { store, name } = this.#archive;
    try {
      const { offset, size, unpacked = size, missing } = file;
      if (missing !== undefined) throw new UserError(missing);
      const bytes = this.#isZip
        ? await readZipMember(store, { offset, size, unpacked }, most)
        : store.read(offset, size);
      return read(new TextDecoder().decode(bytes));
    } catch (cause) {
      const where = `"${file.name}" of archive "${name}"`;
      throw new UserError(`Cannot read ${where}: ${messageOf(cause)}`, { cause });
    }
  }
}

/** The class according to `.cls`, or else `.json`, members, by sample key. */
async function readClassTexts(
  files: readonly ArchiveMember[],
  texts: SideFiles,
): Promise<Map<string, string>> {
  const pictures = new Set(
    files.flatMap(({ name }) => isImagePath(name) ? [sampleKey(name)] : []),
  );
  const found = new Map<string, string>();
  const sizeOf = ({ unpacked, size }: ArchiveMember) => unpacked ?? size;
  for (const file of files) {
    if (!file.name.endsWith(".cls") || sizeOf(file) > classTextLimit) continue;
    found.set(sampleKey(file.name), await texts.read(file, classTextLimit, (text) => text.trim()));
  }
  for (const file of files) {
    const key = sampleKey(file.name);
    if (!file.name.endsWith(".json") || found.has(key) || !pictures.has(key)) continue;
    if (sizeOf(file) > jsonLimit) continue;
    const label = await texts.read(file, jsonLimit, jsonLabel);
    if (label !== undefined) found.set(key, label);
  }
  return found;
}

/**
 * Lists an archive.
 *
 * @param prefix for the ids of its members
 * @param list a list file to look for, by path
 */
export async function listArchive(
  archive: Archive,
  prefix: string,
  list?: string,
): Promise<ArchiveListing> {
  const { store, path, name, base = 0 } = archive;
  const head = store.read(0, 512);
  const isZip = head[0] === 0x50 && head[1] === 0x4b;
  if (!isZip && !isTar(head)) throw notAnArchive(name, head);
  const files = isZip ? await indexZip(store, name) : indexTar(store, name);
  const sides = new SideFiles(archive, isZip);
  const texts = new Map<string, string>();
  for (const file of files) {
    const isList = /(^|\/)meta\/[^/]+\.txt$/.test(file.name) ||
      (list !== undefined && `/${file.name}`.endsWith(`/${list}`));
    if (isList) texts.set(file.name, await sides.read(file, mostFileBytes, (text) => text));
  }
  const classTexts = await readClassTexts(files, sides);
  const members = files.filter((file) => isImagePath(file.name)).map((file) => {
    const classText = classTexts.get(sampleKey(file.name));
    return { ...file, archive: 0, ...(classText === undefined ? {} : { classText }) };
  });
  const kind = isZip ? "zip" : "range";
  const others = files.map((file) => file.name)
    .filter((file) => !isImagePath(file) && !isHidden(file) && !/\.(cls|json|txt)$/.test(file));
  return { name, archives: [{ kind, path, base, prefix, name }], members, others, texts };
}

/** The error for a file that is neither a tar nor a zip. */
function notAnArchive(name: string, head: Uint8Array): UserError {
  const isPicture = sniffFormat(head) !== undefined || isImagePath(name);
  if (!isPicture) {
    return new UserError(`Cannot read data "${name}": expected a folder, a tar or a zip archive`, {
      hint: "other archives must be unpacked",
    });
  }
  const slash = forwardSlashes(name).lastIndexOf("/");
  const folder = slash < 0 ? "." : name.slice(0, Math.max(1, slash));
  return new UserError(
    `Cannot read data "${name}": expected a folder, a tar or a zip archive, found a single image`,
    { hint: `give the folder that contains it: --data ${shellQuoted(folder)}` },
  );
}

/** A path as a shell takes it. */
function shellQuoted(path: string): string {
  return /^[\w./~@%+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

/** A single listing of many archives. */
export function mergeListings(listings: readonly ArchiveListing[], name: string): ArchiveListing {
  return {
    name,
    archives: listings.flatMap((listing) => listing.archives),
    others: listings.flatMap((listing) => listing.others),
    members: listings.flatMap(({ members }, archive) =>
      members.map((member) => ({ ...member, archive }))
    ),
    texts: new Map(listings.flatMap(({ texts }) => [...texts])),
  };
}
