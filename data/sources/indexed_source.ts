/**
 * The source behind every layout: parallel arrays and a way to find bytes.
 *
 * @module
 */
import { messageOf, UserError } from "../../core/errors.ts";
import { LocationReader } from "../archives/byte_store.ts";
import type { Layout } from "./layout.ts";
import type { SampleLocation, Source, SourceEntry } from "./source.ts";

/** What an {@link IndexedSource} is created from. */
export interface SourceParts {
  readonly layout: Layout;
  /** A member's id, by its position in the listing. */
  idOf(member: number): string;
  /** A member's location in words, by its position; omitted if locations are those of files. */
  pathOf?(member: number): string;
  /** A member's location, by its position in the listing. */
  locationOf(member: number): SampleLocation;
  /** What locations without a path refer to. */
  readonly memory?: Uint8Array;
  /** Which split of the data set it is; `""` if there are none. */
  readonly split?: string;
}

/** A source over a listing. */
export class IndexedSource implements Source {
  readonly length: number;
  readonly classes: readonly string[];
  readonly memory?: Uint8Array;
  readonly split?: string;
  readonly notes: readonly string[];
  readonly #parts: SourceParts;
  readonly #reader: LocationReader;

  constructor(parts: SourceParts) {
    this.#parts = parts;
    this.length = parts.layout.members.length;
    this.classes = parts.layout.classes;
    this.notes = parts.layout.notes ?? [];
    if (parts.memory !== undefined) this.memory = parts.memory;
    if (parts.split) this.split = parts.split;
    this.#reader = new LocationReader(parts.memory);
  }

  entry(index: number): SourceEntry {
    const { layout: { members, labels }, ...parts } = this.#parts;
    const location = parts.pathOf === undefined ? this.locate(index) : null;
    const path = location?.kind === "file" ? location.path : parts.pathOf?.(members[index]);
    const entry = { id: parts.idOf(members[index]), label: labels[index] };
    return path === undefined ? entry : { ...entry, path };
  }

  locate(index: number): SampleLocation {
    return this.#parts.locationOf(this.#parts.layout.members[index]);
  }

  async read(index: number): Promise<Uint8Array> {
    try {
      return await this.#reader.read(this.locate(index));
    } catch (cause) {
      const { id, path = id } = this.entry(index);
      throw new UserError(`Cannot read image "${path}": ${messageOf(cause)}`, { cause });
    }
  }

  close(): void {
    this.#reader.close();
  }
}
