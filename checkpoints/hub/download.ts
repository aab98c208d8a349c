/**
 * Published weights on disk: downloaded once, resumed after a broken connection, verified, cached.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { messageOf, UserError } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";
import { findCard, MODEL_CARDS, type ModelCard } from "./cards.ts";
import { hashFile } from "../tensors/hash_file.ts";
import { attemptTransfer, dropPart } from "../tensors/transfer.ts";
import { isFile } from "../path_kinds.ts";

/** How to download. */
export interface DownloadOptions {
  /** Where files are kept; default: {@link cacheDirectory}. */
  directory?: string;
  /** Never use the network. */
  offline?: boolean;
  /** URLs of folders that hold files of the same names; tried before the card's own. */
  mirrors?: readonly string[];
  /** Consecutive attempts that may bring nothing before the next URL is tried. */
  attempts?: number;
  /** Wait before an attempt is repeated; doubled each time. */
  retryDelayMs?: number;
  /**
   * For callers that only plan and measure: if a model card's file is missing, it is not downloaded, and a
   * model of the same shape stands in for it. Called with its name.
   */
  onStandIn?(name: string): void;
  /** Cancels the download. */
  signal?: AbortSignal;
  /** Called with the bytes received so far, and the total if the server reports it. */
  onProgress?(progress: { bytes: number; total: number | undefined }): void;
}

/** Reads one environment variable. */
export type ReadEnvironment = (name: string) => string | undefined;

/**
 * The download folder: `MIMIC_CACHE`, `mimic` in `XDG_CACHE_HOME`, or `~/.cache/mimic`.
 *
 * @example
 * ```ts
 * import { cacheDirectory } from "./download.ts";
 * const variables: Record<string, string> = { HOME: "/home/ada" };
 * const folder = cacheDirectory((name) => variables[name]);
 * if (folder.replaceAll("\\", "/") !== "/home/ada/.cache/mimic") throw new Error(folder);
 * ```
 */
export function cacheDirectory(read: ReadEnvironment = (name) => Deno.env.get(name)): string {
  const own = read("MIMIC_CACHE");
  if (own) return own;
  const shared = read("XDG_CACHE_HOME");
  if (shared) return join(shared, "mimic");
  const home = read("HOME") ?? read("USERPROFILE");
  if (home) return join(home, ".cache", "mimic");
  throw new UserError("Cannot find a folder for downloads: HOME is not set", {
    hint: "set MIMIC_CACHE to a folder",
  });
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

/** What is wrong with a downloaded file, or `undefined`. */
function flawOf(path: string, { bytes, sha256 }: ModelCard): string | undefined {
  const { size } = Deno.statSync(path);
  if (bytes !== null && size !== bytes) return `it has ${size} bytes, expected ${bytes}`;
  if (sha256 === null) return undefined;
  const found = hashFile(path);
  return found.startsWith(sha256) ? undefined : `its SHA-256 is ${found}, expected ${sha256}`;
}

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}

/** Tries one URL until it succeeds or is hopeless; returns the reason if it is. */
async function fetchFrom(
  url: string,
  part: string,
  card: ModelCard,
  options: DownloadOptions,
): Promise<string | undefined> {
  const { attempts = 5, retryDelayMs = 1000, signal } = options;
  let received = 0;
  const onProgress: DownloadOptions["onProgress"] = (progress) => {
    received = progress.bytes;
    options.onProgress?.(progress);
  };
  let isFresh = !isFile(part);
  for (let failures = 0, before = 0;;) {
    const outcome = await attemptTransfer({ url, part, bytes: card.bytes, signal, onProgress });
    const reason = outcome.done ? flawOf(part, card) : outcome.reason;
    if (reason === undefined) return undefined;
    if (outcome.done) {
      dropPart(part);
      // Chunks of two files at the same URL would make up a third one.
      if (isFresh) return reason;
      isFresh = true;
      continue;
    }
    isFresh = false;
    failures = received > before ? 1 : failures + 1;
    before = received;
    if (!outcome.again || failures >= attempts) return reason;
    await pause(retryDelayMs * 2 ** (failures - 1), signal);
  }
}

function addressesOf(card: ModelCard, mirrors: readonly string[]): string[] {
  const files = card.urls.map((url) => basename(new URL(url).pathname));
  const mirrored = mirrors.flatMap((mirror) =>
    [...new Set(files)].map((file) => `${mirror.replace(/\/$/, "")}/${file}`)
  );
  return [...mirrored, ...card.urls];
}

/** Only one process downloads a file; others wait and then find it. */
async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const lock = await Deno.open(`${path}.lock`, { write: true, create: true });
  try {
    await lock.lock(true);
    return await work();
  } finally {
    lock.close();
  }
}

async function fetchChecked(
  path: string,
  card: ModelCard,
  options: DownloadOptions,
): Promise<string> {
  const part = `${path}.part`;
  const reasons: string[] = [];
  for (const url of addressesOf(card, options.mirrors ?? [])) {
    const reason = await fetchFrom(url, part, card, options);
    if (reason === undefined) {
      Deno.renameSync(part, path);
      dropPart(part);
      return path;
    }
    reasons.push(`${url}: ${reason}`);
  }
  throw new UserError(`Cannot download "${card.name}": ${reasons.join(" | ")}`, {
    hint: "try again later, or give the path of a local file",
  });
}

function cachedPath(card: ModelCard, directory: string): string {
  return join(directory, basename(new URL(card.urls[0]).pathname) || "weights");
}

/** Whether a card's file is in the download folder and has the known size. */
export function isCached(card: ModelCard, directory: string = cacheDirectory()): boolean {
  const path = cachedPath(card, directory);
  return isFile(path) &&
    (card.bytes === null || flawOf(path, { ...card, sha256: null }) === undefined);
}

/**
 * The path of a card's file in the cache, downloading it if necessary. A broken connection is
 * resumed; size and SHA-256 are checked as far as the card knows them. A `UserError` reports what
 * every URL answered.
 */
export async function downloadCard(
  card: ModelCard,
  options: DownloadOptions = {},
): Promise<string> {
  const directory = options.directory ?? cacheDirectory();
  const path = cachedPath(card, directory);
  const isThere = () => isCached(card, directory);
  if (isThere()) return path;
  if (options.offline) {
    throw new UserError(`Cannot download "${card.name}": --offline is set`, {
      hint: `put the file at "${path}", or give the path of a local file`,
    });
  }
  try {
    Deno.mkdirSync(directory, { recursive: true });
    return await withLock(
      path,
      async () => isThere() ? path : await fetchChecked(path, card, options),
    );
  } catch (error) {
    if (error instanceof UserError || options.signal?.aborted) throw error;
    throw new UserError(`Cannot download "${card.name}" to "${directory}": ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/**
 * The local path of weights given by path, card name or URL. A local file takes precedence; a name
 * that is neither is a `UserError` that suggests the closest known one.
 *
 * @example
 * ```ts
 * import { resolveWeights } from "./download.ts";
 * const path = await Deno.makeTempFile({ suffix: ".pth" });
 * if (await resolveWeights(path) !== path) throw new Error();
 * await Deno.remove(path);
 * ```
 */
export async function resolveWeights(
  from: string,
  options: DownloadOptions = {},
): Promise<string> {
  try {
    Deno.statSync(from);
    return from;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw new UserError(`Cannot read "${from}": ${messageOf(error)}`, { cause: error });
    }
  }
  const card = findCard(from);
  if (card) return await downloadCard(card, options);
  if (/^https?:\/\//.test(from)) {
    return await downloadCard({
      name: from,
      kind: "encoder",
      shape: null,
      description: "weights by address",
      urls: [from],
      bytes: null,
      sha256: null,
      licence: "not known",
      source: from,
      // Many URLs end in the same file name.
    }, { ...options, directory: join(options.directory ?? cacheDirectory(), hashOf(from)) });
  }
  const guess = nearest(from, MODEL_CARDS.map(({ name }) => name));
  throw new UserError(`Cannot find the weights "${from}": there is no such file or model`, {
    hint: guess ? `did you mean "${guess}"?` : "give a path, a URL or the name of a model",
  });
}
