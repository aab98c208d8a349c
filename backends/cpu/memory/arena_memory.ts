/**
 * The one memory that holds every tensor of a backend.
 *
 * Shared and 64-bit if the engine supports it, so that threads see the tensors and more than 4 GiB fit;
 * otherwise shared with 32-bit addresses; otherwise private, which means one thread.
 *
 * @module
 */

/** A WebAssembly memory and how it is addressed. */
export interface ArenaMemory {
  readonly memory: WebAssembly.Memory;
  /** Size of a pointer inside the kernels. */
  readonly addressBits: 32 | 64;
  readonly isShared: boolean;
  readonly maximumBytes: number;
}

export const pageBytes = 65536;

const initialBytes = 64 * 2 ** 20;

interface Attempt {
  addressBits: 32 | 64;
  isShared: boolean;
  maximumBytes: number;
}

// A private memory cannot grow without detaching every view on it, so it starts at its full size;
// the system gives pages only when they are touched.
const attempts: Attempt[] = [
  { addressBits: 64, isShared: true, maximumBytes: 16 * 2 ** 30 },
  { addressBits: 32, isShared: true, maximumBytes: 4 * 2 ** 30 },
  { addressBits: 32, isShared: true, maximumBytes: 2 ** 30 },
  { addressBits: 32, isShared: false, maximumBytes: 2 ** 31 - pageBytes },
  { addressBits: 32, isShared: false, maximumBytes: 2 ** 29 },
];

function create({ addressBits, isShared, maximumBytes }: Attempt): ArenaMemory {
  const toPages = (bytes: number) => {
    const pages = Math.floor(bytes / pageBytes);
    return addressBits === 64 ? BigInt(pages) : pages;
  };
  const descriptor = {
    initial: toPages(isShared ? initialBytes : maximumBytes),
    maximum: toPages(maximumBytes),
    shared: isShared,
    ...(addressBits === 64 ? { address: "i64" } : {}),
  };
  const memory = new WebAssembly.Memory(descriptor as unknown as WebAssembly.MemoryDescriptor);
  // An engine without 64-bit memories ignores `address` and fails on the bigint, or worse, does not.
  if (isShared && !(memory.buffer instanceof SharedArrayBuffer)) {
    throw new Error("Cannot create a shared memory: the engine made a private one");
  }
  return { memory, addressBits, isShared, maximumBytes };
}

/**
 * Creates the best memory that this engine allows.
 *
 * @param options.maximumBytes upper limit to ask for; the memory is touched only as far as needed
 * @param options.shared `false` asks for a private memory (one thread)
 */
export function createArenaMemory(
  options: { maximumBytes?: number; shared?: boolean } = {},
): ArenaMemory {
  const limit = options.maximumBytes ?? Infinity;
  let cause: unknown;
  for (const attempt of attempts) {
    if (options.shared === false && attempt.isShared) continue;
    if (attempt.isShared && typeof SharedArrayBuffer === "undefined") continue;
    const maximumBytes = Math.max(
      initialBytes,
      Math.min(attempt.maximumBytes, Math.floor(limit / pageBytes) * pageBytes),
    );
    try {
      return create({ ...attempt, maximumBytes });
    } catch (error) {
      cause = error;
    }
  }
  throw new Error("Cannot create the memory of the cpu backend: no kind of memory is available", {
    cause,
  });
}

/** Grows `memory` to at least `bytes`; false if the limit or the system forbids it. */
export function growArenaMemory(arena: ArenaMemory, bytes: number): boolean {
  const missing = bytes - arena.memory.buffer.byteLength;
  if (missing <= 0) return true;
  if (bytes > arena.maximumBytes) return false;
  const pages = Math.ceil(missing / pageBytes);
  try {
    const grow = arena.memory.grow.bind(arena.memory) as (pages: number | bigint) => unknown;
    grow(arena.addressBits === 64 ? BigInt(pages) : pages);
    return true;
  } catch {
    return false;
  }
}
