/**
 * Image files in transit from a source to the decoder, and how they are read.
 *
 * @module
 */
import { messageOf, UserError } from "../../core/errors.ts";
import { LocationReader } from "../archives/byte_store.ts";
import type { SampleLocation, Source } from "../sources/source.ts";

/** A file that may not have been read yet. */
export interface StoredFile {
  /** Its location, for messages. */
  readonly path: string;
  /** The location of its bytes, or the bytes, or why there are none. */
  readonly from: SampleLocation | Uint8Array | { readonly error: string };
}

/** The file of a sample. */
export interface SampleFile extends StoredFile {
  /** Index in the source. */
  readonly index: number;
  /** Its origin, as the source names it. */
  readonly id: string;
  /** Class; −1 if the source has none. */
  readonly label: number;
  /** The sample's label map. */
  readonly annotation?: StoredFile;
}

/** A sample's file by its location, or its bytes if only the source can read it. */
export async function storedFile(source: Source, index: number): Promise<StoredFile> {
  const { id, path = id } = source.entry(index);
  if (source.locate !== undefined) return { path, from: source.locate(index) };
  try {
    return { path, from: await source.read(index) };
  } catch (error) {
    return { path, from: { error: messageOf(error) } };
  }
}

/** Reads stored files; archives stay open between reads. */
export class StoredFileReader {
  readonly #reader: LocationReader;

  /** @param memory what locations without a path refer to */
  constructor(memory: Uint8Array | undefined) {
    this.#reader = new LocationReader(memory);
  }

  /** A file's bytes, or why it cannot be read. */
  async attempt({ from }: StoredFile): Promise<Uint8Array | { readonly error: string }> {
    if (from instanceof Uint8Array || "error" in from) return from;
    try {
      return await this.#reader.read(from);
    } catch (error) {
      return { error: messageOf(error) };
    }
  }

  /**
   * A file's bytes.
   *
   * @throws UserError naming the file if it cannot be read
   */
  async read(file: StoredFile): Promise<Uint8Array> {
    const found = await this.attempt(file);
    if (found instanceof Uint8Array) return found;
    throw new UserError(`Cannot read image "${file.path}": ${found.error}`);
  }

  /** Closes the archives. */
  close(): void {
    this.#reader.close();
  }
}
