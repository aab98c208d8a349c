/**
 * Errors that a user can act on.
 *
 * A message says what was being done, what was expected, what was found and what to do next, for example
 * `Cannot load "blocks.0.attn.qkv.weight": expected shape [2304, 768], found [768, 768]`.
 *
 * @module
 */

/** Keeps a message readable as one line, however long a path or value in it: the middle is left out. */
function withoutEndlessWords(message: string): string {
  return message.replace(/\S{600,}/g, (word) => `${word.slice(0, 200)}…${word.slice(-60)}`);
}

/**
 * A mistake in the user's input: a config, a path, a file, an option. The command line prints only its message,
 * on one line, and exits with code 2.
 *
 * @example A message with a hint
 * ```ts
 * import { UserError } from "./errors.ts";
 * const error = new UserError('Cannot read data folder "photos": it does not exist', {
 *   hint: "give an existing folder with --data",
 * });
 * if (error.message !== 'Cannot read data folder "photos": it does not exist; give an existing folder with --data') {
 *   throw new Error(error.message);
 * }
 * ```
 */
export class UserError extends Error {
  /** Tells it from errors that are bugs. */
  override name = "UserError";
  /** `hint` is the next step; it is appended to the message. */
  constructor(message: string, options: { hint?: string; cause?: unknown } = {}) {
    const said = withoutEndlessWords(message);
    super(options.hint ? `${said}; ${options.hint}` : said, { cause: options.cause });
  }
}

/** A step needs more memory than the device, or the run's limit, allows. */
export class OutOfMemoryError extends UserError {
  override name = "OutOfMemoryError";
  /** The number of images in the forward pass that failed, if known. */
  microBatchSize: number | null = null;
  constructor(message: string) {
    super(message, { hint: "lower --micro-batch, or raise --recompute" });
  }
}

/** The device is gone: reset by its driver, unplugged, or taken by the system. */
export class DeviceLostError extends UserError {
  override name = "DeviceLostError";
  constructor(message: string) {
    super(message, {
      hint: "continue with --resume; if it happens again, lower --micro-batch",
    });
  }
}

/** Whether the device itself ended the work, because it ran out of memory or was lost. */
export function isDeviceFault(error: unknown): error is OutOfMemoryError | DeviceLostError {
  return error instanceof OutOfMemoryError || error instanceof DeviceLostError;
}

/** The message of anything thrown; libraries also throw strings and plain objects. */
export function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message;
  if (typeof error === "object" && error !== null && "message" in error) {
    return String(error.message);
  }
  return String(error);
}
