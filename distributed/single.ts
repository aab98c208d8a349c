/**
 * A job with a single process.
 *
 * @module
 */

import type { Communicator } from "./communicator.ts";

/**
 * The default: no library, no permission, nothing to wait for.
 *
 * @example A sum over one process changes nothing
 * ```ts
 * import { single } from "./single.ts";
 * const values = Float32Array.of(1, 2);
 * await single.allReduce(values);
 * if (single.size !== 1 || values[1] !== 2) throw new Error();
 * ```
 */
export const single: Communicator = {
  rank: 0,
  size: 1,
  description: "one process",
  hostSharers: 1,
  coreSharers: 1,
  timeoutSeconds: Infinity,
  allReduce: () => Promise.resolve(),
  progress: () => {},
  broadcast: () => Promise.resolve(),
  gather: (bytes) => Promise.resolve([new Uint8Array(bytes)]),
  barrier: () => Promise.resolve(),
  abort: () => {},
  close: () => Promise.resolve(),
};
