/**
 * Dawn in this process, with its peculiarities behind it:
 *
 * - Its classes are not the runtime's, so `buffer instanceof GPUBuffer` would be false, in tfjs as well. The
 *   runtime's classes learn to recognise Dawn's objects; replacing them would break the runtime's own WebGPU,
 *   which may be in use beside it.
 * - `queue.writeBuffer` crashes the process when given a `Float16Array`, so it is only ever given bytes.
 * - Each thread has an instance of its own, which lasts as long as the thread: an adapter keeps no reference
 *   to what it comes from. It does not keep a process from ending.
 *
 * @module
 */

import { messageOf, UserError } from "../../../core/errors.ts";
import { type Dawn, fetchDawn, loadDawn } from "../../../deps/dawn.ts";

let opened: Promise<GPU> | null = null;

/**
 * Dawn's `navigator.gpu`, the same in every call; the first downloads it if necessary.
 *
 * @throws UserError if it cannot be loaded
 */
export function openDawn(): Promise<GPU> {
  return opened ??= start();
}

async function start(): Promise<GPU> {
  let dawn: Dawn;
  try {
    dawn = await loadDawn();
  } catch (cause) {
    throw new UserError(`Cannot start Dawn, the second WebGPU: ${reasonOf(cause)}`, {
      hint: `run \`${fetchDawn}\` with a network, or use --webgpu deno`,
      cause,
    });
  }
  recognizeObjectsOf(dawn.globals);
  writeOnlyBytes(dawn.globals.GPUQueue as typeof GPUQueue);
  // Matrix units are experimental in WebGPU, and Dawn shows them only with this.
  return dawn.create(["enable-dawn-features=allow_unsafe_apis"]);
}

function reasonOf(cause: unknown): string {
  if (typeof globalThis.Deno === "undefined") return "it needs Deno; a browser has its own WebGPU";
  const isForbidden = cause instanceof Error && /NotCapable|PermissionDenied/.test(cause.name);
  return isForbidden ? "it is native code, which needs --allow-ffi" : messageOf(cause);
}

type Class = new (...args: never[]) => object;

/** Makes `instanceof` of the runtime's classes true for the objects of another WebGPU's. */
export function recognizeObjectsOf(classes: Readonly<Record<string, unknown>>): void {
  const runtime = globalThis as unknown as Record<string, unknown>;
  for (const [name, foreign] of Object.entries(classes)) {
    if (typeof foreign !== "function") continue;
    const own = runtime[name];
    if (typeof own !== "function") runtime[name] = foreign;
    else recognize(own as Class, foreign as Class);
  }
}

function recognize(own: Class, foreign: Class): void {
  const isInstance = Function.prototype[Symbol.hasInstance];
  Object.defineProperty(own, Symbol.hasInstance, {
    configurable: true,
    value(this: Class, object: unknown) {
      return isInstance.call(this, object) || this === own && object instanceof foreign;
    },
  });
}

/** Replaces a queue's `writeBuffer` by one that hands on the same data as bytes. */
export function writeOnlyBytes({ prototype }: { readonly prototype: GPUQueue }): void {
  const writeBuffer = prototype.writeBuffer;
  prototype.writeBuffer = function (buffer, bufferOffset, data, dataOffset = 0, size) {
    const bytes = bytesOf(data, dataOffset, size);
    writeBuffer.call(this, buffer, bufferOffset, bytes, 0, bytes.byteLength);
  };
}

/** Part of `data`; offset and size count elements of typed arrays, bytes of anything else. */
function bytesOf(
  data: AllowSharedBufferSource,
  offset: number,
  size: number | undefined,
): Uint8Array<ArrayBuffer> {
  const isView = ArrayBuffer.isView(data);
  const width = isView && "BYTES_PER_ELEMENT" in data ? Number(data.BYTES_PER_ELEMENT) : 1;
  const start = offset * width;
  const length = size === undefined ? data.byteLength - start : size * width;
  return isView
    ? new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset + start, length)
    : new Uint8Array(data as ArrayBuffer, start, length);
}
