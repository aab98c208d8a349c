/**
 * The processes of a data-parallel job and how they communicate.
 *
 * Every process (a rank) runs the same program on its share of each step. All ranks must call the same
 * collective operations in the same order; the results are bitwise identical on all of them.
 *
 * @module
 */

import { concatBytes, splitBytes } from "../core/concatenate.ts";

/** How values from several ranks are combined. */
export type Reduction = "sum" | "max";

/** Numbers that can be reduced: float32, or float16 as its bits. */
export type Reducible = Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;

/** One process among the {@link Communicator.size} of a job. */
export interface Communicator {
  /** This process, from 0. Rank 0 writes the run. */
  readonly rank: number;
  /** Processes in the job. */
  readonly size: number;
  /** One line for people: the library and its version. */
  readonly description: string;
  /** The number of ranks, including this one, that share its host's memory … */
  readonly hostSharers: number;
  /** … and that share its processors: fewer if the launcher pins each rank to its own. */
  readonly coreSharers: number;
  /** Seconds after which an operation that other ranks do not join fails. */
  timeoutSeconds: number;
  /**
   * Starts replacing `values` on every rank with their reduction over all ranks; they must not be
   * touched until the promise resolves. `Uint16Array` holds float16 bits, and is summed as float16.
   */
  allReduce(values: Reducible, reduction?: Reduction): Promise<void>;
  /** Lets started operations make progress; cheap, for use in the middle of long computations. */
  progress(): void;
  /** The bytes of rank `root`, on all ranks; elsewhere `bytes` must have the same length. */
  broadcast(bytes: Uint8Array<ArrayBuffer>, root?: number): Promise<void>;
  /** The bytes of every rank, by rank, on all ranks; their lengths may differ. */
  gather(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>[]>;
  /** Resolves when all ranks have reached this point. */
  barrier(): Promise<void>;
  /** Immediately ends all ranks, from this one, with an exit code. */
  abort(code: number): void;
  /** Leaves the job in an orderly way; every rank must. */
  close(): Promise<void>;
}

/** Like `gather`, for values that JSON can represent. */
export async function gatherJson<T>(communicator: Communicator, value: T): Promise<T[]> {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  const all = await communicator.gather(bytes);
  return all.map((part) => JSON.parse(new TextDecoder().decode(part)) as T);
}

/** The result of running `work` on rank 0 only, on all ranks: a value that JSON can represent. */
export async function fromFirst<T>(
  communicator: Communicator,
  work: () => T | Promise<T>,
): Promise<T> {
  const own = communicator.rank === 0 ? await work() : null;
  if (communicator.size === 1) return own as T;
  const [first] = await gatherJson(communicator, own);
  return first as T;
}

/** A JSON value and bytes of rank 0, on all ranks; elsewhere `message` is null. */
export async function broadcastMessage<T>(
  communicator: Communicator,
  message: { readonly header: T; readonly bytes: readonly Uint8Array[] } | null,
): Promise<{ header: T; bytes: Uint8Array<ArrayBuffer>[] }> {
  const lengths = message === null ? [] : message.bytes.map((part) => part.length);
  const [head] = await gatherJson(
    communicator,
    message === null ? null : { header: message.header, lengths },
  );
  const { header, lengths: sizes } = head!;
  const all = message === null
    ? new Uint8Array(sizes.reduce((sum, size) => sum + size, 0))
    : concatBytes(message.bytes);
  await communicator.broadcast(all, 0);
  return { header, bytes: splitBytes(all, sizes) };
}
