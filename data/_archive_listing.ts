/**
 * The pictures of an archive, with the small texts that say what they are.
 *
 * @module
 */
import { messageOf, UserError } from "../core/errors.ts";
import { readZipMember } from "./_byte_store.ts";
import type { Archive } from "./_archive_source.ts";
import { type ArchiveMember, indexTar, isTar } from "./_tar_index.ts";
import { isHidden } from "./_file_names.ts";
import { isImagePath, sampleKey } from "./_layout.ts";
import { indexZip } from "./_zip_index.ts";

/** A picture in an archive. */
export interface ListedMember extends ArchiveMember {
  /** Which archive of the listing. */
  readonly archive: number;
  /** What the `.cls` file beside it says. */
  readonly classText?: string;
}

/** The pictures of one or more archives of one kind. */
export interface ArchiveListing {
  readonly kind: "range" | "zip";
  /** For messages. */
  readonly name: string;
  readonly archives: readonly { readonly path: string | null; readonly prefix: string }[];
  readonly members: readonly ListedMember[];
  /** Paths of what is neither a picture nor says something about one. */
  readonly others: readonly string[];
  /** The list files, by path. */
  readonly texts: ReadonlyMap<string, string>;
}

/** A `.cls` file holds a number or a name. */
const classTextLimit = 1024;

/**
 * Lists an archive.
 *
 * @param prefix goes in front of the ids of its members
 */
export async function listArchive(archive: Archive, prefix: string): Promise<ArchiveListing> {
  const { store, path, name } = archive;
  const head = store.read(0, 512);
  const isZip = head[0] === 0x50 && head[1] === 0x4b;
  if (!isZip && !isTar(head)) {
    throw new UserError(`Cannot read data "${name}": expected a folder, a tar or a zip archive`, {
      hint: "other archives must be unpacked",
    });
  }
  const files = isZip ? indexZip(store, name) : indexTar(store, name);
  const textOf = async (file: ArchiveMember) => {
    try {
      const { offset, size } = file;
      const bytes = isZip ? await readZipMember(store, offset, size) : store.read(offset, size);
      return new TextDecoder().decode(bytes);
    } catch (cause) {
      const where = `"${file.name}" of archive "${name}"`;
      throw new UserError(`Cannot read ${where}: ${messageOf(cause)}`, { cause });
    }
  };
  const classTexts = new Map<string, string>();
  const texts = new Map<string, string>();
  for (const file of files) {
    if (file.name.endsWith(".cls") && file.size <= classTextLimit) {
      classTexts.set(sampleKey(file.name), (await textOf(file)).trim());
    } else if (/(^|\/)meta\/[^/]+\.txt$/.test(file.name)) {
      texts.set(file.name, await textOf(file));
    }
  }
  const members = files.filter((file) => isImagePath(file.name)).map((file) => {
    const classText = classTexts.get(sampleKey(file.name));
    return { ...file, archive: 0, ...(classText === undefined ? {} : { classText }) };
  });
  const kind = isZip ? "zip" : "range";
  const others = files.map((file) => file.name)
    .filter((file) => !isImagePath(file) && !isHidden(file) && !/\.(cls|json|txt)$/.test(file));
  return { kind, name, archives: [{ path, prefix }], members, others, texts };
}

/** One listing of many archives. */
export function mergeListings(listings: readonly ArchiveListing[], name: string): ArchiveListing {
  return {
    kind: "range",
    name,
    archives: listings.flatMap((listing) => listing.archives),
    others: listings.flatMap((listing) => listing.others),
    members: listings.flatMap(({ members }, archive) =>
      members.map((member) => ({ ...member, archive }))
    ),
    texts: new Map(listings.flatMap(({ texts }) => [...texts])),
  };
}
