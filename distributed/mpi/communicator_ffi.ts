/**
 * A {@link Communicator} over an MPI library, loaded by FFI.
 *
 * Everything is a non-blocking collective that is polled until it is done: while a rank waits, timers and
 * signals still work, and the polling lets MPI (which works only when called) make progress.
 *
 * @module
 */

import { now } from "../../core/clock.ts";
import { type Communicator, gatherJson, type Reducible, type Reduction } from "../communicator.ts";
import { createFloat16Sum } from "./float16_sum_ffi.ts";
import type { MpiLibrary } from "./library_ffi.ts";

/** Bytes per broadcast or gather: MPI counts with 32 bits. */
const largestMessage = 2 ** 28;

/** Seconds of waiting during which the processor is not yielded: most operations are done by then. */
const spinSeconds = 0.001;

/** A started operation. */
interface Pending {
  readonly name: string;
  readonly since: number;
  readonly request: BigUint64Array<ArrayBuffer>;
  /** Memory that MPI uses until the end. */
  readonly held: readonly unknown[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Which processors this process may use, as written by its operating system; empty if unknown. */
function allowedProcessors(): string {
  try {
    const status = Deno.readTextFileSync("/proc/self/status");
    return /^Cpus_allowed_list:\s*(.*)$/m.exec(status)?.[1] ?? "";
  } catch {
    return "";
  }
}

/** See the module's text. */
export class MpiCommunicator implements Communicator {
  readonly rank: number;
  readonly size: number;
  readonly description: string;
  hostSharers = 1;
  coreSharers = 1;
  timeoutSeconds = 1800;
  readonly #library: MpiLibrary;
  readonly #pending = new Set<Pending>();
  readonly #flag = new Int32Array(16);
  #float16Sum: bigint | null = null;
  #isWaiting = false;

  private constructor(library: MpiLibrary) {
    this.#library = library;
    const { calls, constants } = library;
    const number = new Int32Array(16);
    this.#check("MPI_Comm_rank", calls.MPI_Comm_rank(constants.world, number));
    this.rank = number[0];
    this.#check("MPI_Comm_size", calls.MPI_Comm_size(constants.world, number));
    this.size = number[0];
    const text = new Uint8Array(8192);
    this.#check("MPI_Get_library_version", calls.MPI_Get_library_version(text, number));
    const version = new TextDecoder().decode(text.subarray(0, number[0])).replace(/\0[^]*/, "");
    this.description = version.split(/[\n,]/)[0].replaceAll(/\s+/g, " ").trim();
  }

  /** Joins the job that this process was started in. */
  static async join(library: MpiLibrary): Promise<MpiCommunicator> {
    const code = library.calls.MPI_Init(0n, 0n);
    if (code !== 0) throw new Error(`MPI_Init failed with code ${code}`);
    const communicator = new MpiCommunicator(library);
    await communicator.#findNeighbours();
    return communicator;
  }

  async #findNeighbours(): Promise<void> {
    const { MPI_Get_processor_name } = this.#library.calls;
    const name = new Uint8Array(1024);
    const length = new Int32Array(16);
    this.#check("MPI_Get_processor_name", MPI_Get_processor_name(name, length));
    const host = new TextDecoder().decode(name.subarray(0, length[0]));
    const processors = allowedProcessors();
    const all = await gatherJson(this, { host, processors });
    const here = all.filter((other) => other.host === host);
    this.hostSharers = here.length;
    this.coreSharers = here.filter((other) => other.processors === processors).length;
  }

  allReduce(values: Reducible, reduction: Reduction = "sum"): Promise<void> {
    const { calls, constants } = this.#library;
    const { inPlace, world, float, uint16 } = constants;
    const isHalf = values instanceof Uint16Array;
    const [type, operation] = isHalf
      ? [uint16, this.#float16Sum ??= createFloat16Sum(this.#library)]
      : [float, reduction === "max" ? constants.max : constants.sum];
    return this.#start("MPI_Iallreduce", [values], (request) =>
      calls.MPI_Iallreduce(
        inPlace,
        values as Float32Array<ArrayBuffer>,
        values.length,
        type,
        operation,
        world,
        request,
      ));
  }

  progress(): void {
    const { calls, constants } = this.#library;
    for (const pending of this.#pending) {
      this.#check("MPI_Test", calls.MPI_Test(pending.request, this.#flag, constants.statusIgnore));
      // Operations started later usually do not finish earlier; they get their turn with the next
      // call.
      if (this.#flag[0] === 0) return;
      this.#pending.delete(pending);
      pending.resolve();
    }
  }

  async broadcast(bytes: Uint8Array<ArrayBuffer>, root = 0): Promise<void> {
    const { calls, constants: { byte, world } } = this.#library;
    for (let start = 0; start < bytes.length; start += largestMessage) {
      const part = bytes.subarray(start, start + largestMessage);
      await this.#start(
        "MPI_Ibcast",
        [bytes],
        (request) => calls.MPI_Ibcast(part, part.length, byte, root, world, request),
      );
    }
  }

  async gather(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>[]> {
    const lengths = new Uint32Array(
      (await this.#gatherEqual(new Uint8Array(Uint32Array.of(bytes.length).buffer))).buffer,
    );
    const all = Array.from(lengths, (length) => new Uint8Array(length));
    const largest = Math.max(...lengths);
    const atOnce = Math.max(1, Math.floor(largestMessage / this.size));
    for (let start = 0; start < largest; start += atOnce) {
      const length = Math.min(atOnce, largest - start);
      const own = new Uint8Array(length);
      own.set(bytes.subarray(start, start + length));
      const parts = await this.#gatherEqual(own);
      for (const [rank, whole] of all.entries()) {
        const present = Math.min(length, whole.length - start);
        if (present > 0) {
          whole.set(parts.subarray(rank * length, rank * length + present), start);
        }
      }
    }
    return all;
  }

  barrier(): Promise<void> {
    const { calls, constants: { world } } = this.#library;
    return this.#start("MPI_Ibarrier", [], (request) => calls.MPI_Ibarrier(world, request));
  }

  abort(code: number): void {
    this.#library.calls.MPI_Abort(this.#library.constants.world, code);
  }

  async close(): Promise<void> {
    await this.barrier();
    this.#check("MPI_Finalize", this.#library.calls.MPI_Finalize());
  }

  /** The same number of bytes from every rank, one after another. */
  async #gatherEqual(own: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    const { calls, constants: { byte, world } } = this.#library;
    const all = new Uint8Array(own.length * this.size);
    await this.#start(
      "MPI_Iallgather",
      [own, all],
      (request) =>
        calls.MPI_Iallgather(own, own.length, byte, all, own.length, byte, world, request),
    );
    return all;
  }

  #start(
    name: string,
    held: readonly unknown[],
    call: (request: BigUint64Array<ArrayBuffer>) => number,
  ): Promise<void> {
    // In a separate buffer: V8 moves small ones that it manages itself.
    const request = new BigUint64Array(new ArrayBuffer(128), 0, 1);
    this.#check(name, call(request));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#pending.add({ name, since: now(), request, held, resolve, reject });
    void this.#wait();
    return promise;
  }

  /** Polls what is pending until all of it is done. */
  async #wait(): Promise<void> {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    // The caller continues first: it may have more to start, or to compute.
    await Promise.resolve();
    let idleSince = now();
    while (this.#pending.size > 0) {
      const before = this.#pending.size;
      this.progress();
      if (this.#pending.size < before) {
        idleSince = now();
        await Promise.resolve();
      } else if (now() - idleSince > spinSeconds) {
        await new Promise((resolve) => setTimeout(resolve, 0));
        this.#giveUpLate();
      }
    }
    this.#isWaiting = false;
  }

  /** Stops waiting for ranks that do not respond. */
  #giveUpLate(): void {
    const [oldest] = this.#pending;
    // The caller's own `progress` may have completed the last one.
    if (oldest === undefined || now() - oldest.since < this.timeoutSeconds) return;
    const error = new Error(
      `Waited ${this.timeoutSeconds} s for the other ranks in ${oldest.name}: one of them has stalled, ` +
        "or its host cannot be reached",
    );
    for (const pending of this.#pending) pending.reject(error);
    this.#pending.clear();
  }

  #check(call: string, code: number): void {
    if (code !== 0) throw new Error(`${call} failed with code ${code}`);
  }
}
