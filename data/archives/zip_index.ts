/**
 * The files in a zip archive.
 *
 * @module
 */
import { UserError } from "../../core/errors.ts";
import { readZipEntries, ZipError } from "../../core/zip_directory.ts";
import type { ByteStore } from "./byte_store.ts";
import { type ArchiveMember, cleanName } from "./tar_index.ts";

/** Maximum number of members: a directory with more would take gigabytes. */
const mostMembers = 20_000_000;

/** The files in a zip archive in directory order. */
export async function indexZip(store: ByteStore, name: string): Promise<ArchiveMember[]> {
  try {
    const entries = await readZipEntries(store, mostMembers);
    const members = entries.map((entry) => ({
      name: cleanName(entry.name),
      offset: entry.headerOffset,
      size: entry.packed,
      unpacked: entry.bytes,
    }));
    return members.filter(({ name }) => !name.endsWith("/"));
  } catch (cause) {
    if (!(cause instanceof ZipError)) throw cause;
    throw new UserError(`Cannot read zip archive "${name}": ${cause.message}`, {
      hint: "the file is truncated or not a zip archive",
      cause,
    });
  }
}
