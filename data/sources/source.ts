/**
 * Where samples come from: an indexable list of (bytes, label, id).
 *
 * @module
 */

/** What is known about a sample before it is read. */
export interface SourceEntry {
  /** Where it came from: a path below the source's root. */
  readonly id: string;
  /** Its class, an index into `classes`; −1 if none. */
  readonly label: number;
  /** Its location, for messages: the path of its file, or of its archive and the member; default: `id`. */
  readonly path?: string;
}

/**
 * Where a sample's bytes are; it can be sent to a worker, which reads them itself. `path` is null if they are
 * in the source's `memory`. A `zip` location starts at the member's local header. For a `missing` one it is
 * known in advance that it cannot be read, and why.
 */
export type SampleLocation =
  | { readonly kind: "file"; readonly path: string }
  | {
    readonly kind: "range";
    readonly path: string | null;
    readonly offset: number;
    readonly size: number;
  }
  | {
    readonly kind: "zip";
    readonly path: string | null;
    readonly offset: number;
    /** Bytes in the archive, and bytes of the file. */
    readonly size: number;
    readonly unpacked: number;
  }
  | { readonly kind: "missing"; readonly reason: string };

/**
 * A list of samples. Implement `length`, `classes`, `entry` and `read` to provide your own; `locate` is for
 * sources that workers can read without the main thread.
 *
 * @example Your own source
 * ```ts
 * import type { Source } from "./source.ts";
 * const files = [new TextEncoder().encode("P5 1 1 255\nA")];
 * const source: Source = {
 *   length: files.length,
 *   classes: ["letter"],
 *   entry: (index) => ({ id: `letter ${index}`, label: 0 }),
 *   read: (index) => Promise.resolve(files[index]),
 * };
 * if (source.entry(0).label !== 0) throw new Error();
 * ```
 */
export interface Source {
  /** Number of samples. */
  readonly length: number;
  /** Names of the classes, by label; empty if there are none. */
  readonly classes: readonly string[];
  /** What is known about sample `index` without reading it. */
  entry(index: number): SourceEntry;
  /** The file of sample `index` as stored (a JPEG, a PNG, …). */
  read(index: number): Promise<Uint8Array>;
  /** Where a worker finds sample `index`; omitted if only `read` can get at it. */
  locate?(index: number): SampleLocation;
  /** What locations with `path: null` refer to; in shared memory if the platform has it. */
  readonly memory?: Uint8Array;
  /** Which split of the data set this is, such as `train`; omitted if there are none. */
  readonly split?: string;
  /** What users should know about it, one line each: files skipped and why, images held out. */
  readonly notes?: readonly string[];
  /** Label maps of the samples under the same indices, as greyscale images (segmentation). */
  readonly annotations?: Source;
  /** Closes open files. */
  close?(): void;
}
