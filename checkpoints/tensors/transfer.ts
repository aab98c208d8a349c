/** Transfers one file from a server to disk, resuming where a broken connection left off. */

import { messageOf } from "../../core/errors.ts";

/** The input of a transfer. */
export interface Transfer {
  readonly url: string;
  /** The file being written. */
  readonly part: string;
  /** Its final size, if known. */
  readonly bytes: number | null;
  readonly signal?: AbortSignal;
  onProgress?(progress: { bytes: number; total: number | undefined }): void;
}

/** How one attempt ended. */
export type Outcome =
  | { readonly done: true }
  /** `again`: a later attempt may get further. */
  | { readonly done: false; readonly again: boolean; readonly reason: string };

interface Mark {
  url: string;
  etag: string | null;
  total: number | undefined;
}

const failed = (reason: string, again = false): Outcome => ({ done: false, again, reason });

function sizeOfPart(part: string): number {
  try {
    return Deno.statSync(part).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

function readMark(part: string): Mark | undefined {
  try {
    return JSON.parse(Deno.readTextFileSync(`${part}.json`));
  } catch {
    return undefined;
  }
}

/** Removes the remains of a transfer. */
export function dropPart(part: string): void {
  for (const path of [part, `${part}.json`]) {
    try {
      Deno.removeSync(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

/** Bytes to resume from: none if the part came from elsewhere or is already too long. */
function resumePoint({ url, part, bytes }: Transfer): { offset: number; mark: Mark | undefined } {
  const offset = sizeOfPart(part);
  const mark = readMark(part);
  const isUsable = mark?.url === url && (bytes === null || offset <= bytes);
  if (offset > 0 && isUsable) return { offset, mark };
  dropPart(part);
  return { offset: 0, mark: undefined };
}

function headersFor(offset: number, mark: Mark | undefined): Record<string, string> {
  // A body that is decompressed in transit could not be resumed.
  const plain = { "accept-encoding": "identity" };
  if (offset === 0) return plain;
  const ifRange: Record<string, string> = mark?.etag ? { "if-range": mark.etag } : {};
  return { ...plain, range: `bytes=${offset}-`, ...ifRange };
}

/** The total size according to a response, and where its bytes start. */
function extentOf(response: Response): { start: number; total: number | undefined } {
  if (response.status === 206) {
    const match = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get("content-range") ?? "");
    const total = match && match[2] !== "*" ? Number(match[2]) : undefined;
    return { start: match ? Number(match[1]) : -1, total };
  }
  const length = response.headers.get("content-length");
  return { start: 0, total: length === null ? undefined : Number(length) };
}

/** The server has no bytes beyond the part: it is already complete, or belongs to something else. */
function afterRangeRefused(response: Response, transfer: Transfer, offset: number): Outcome {
  const total = /\/(\d+)$/.exec(response.headers.get("content-range") ?? "")?.[1];
  const isWhole = transfer.bytes === null ? Number(total) === offset : transfer.bytes === offset;
  if (isWhole) return { done: true };
  dropPart(transfer.part);
  return failed(`the server refused to resume from byte ${offset}`, true);
}

/** Appends the response's body; false if it is longer than allowed. */
async function append(
  response: Response,
  transfer: Transfer,
  start: number,
  total: number | undefined,
): Promise<boolean> {
  const limit = transfer.bytes ?? total ?? Infinity;
  const file = Deno.openSync(transfer.part, { write: true, create: true, truncate: start === 0 });
  let bytes = start;
  try {
    file.seekSync(start, Deno.SeekMode.Start);
    for await (const chunk of response.body ?? []) {
      if (bytes + chunk.length > limit) return false;
      for (let done = 0; done < chunk.length;) done += file.writeSync(chunk.subarray(done));
      bytes += chunk.length;
      transfer.onProgress?.({ bytes, total: transfer.bytes ?? total });
    }
    return true;
  } finally {
    file.close();
  }
}

async function receive(
  response: Response,
  transfer: Transfer,
  { offset, mark: before }: ReturnType<typeof resumePoint>,
): Promise<Outcome> {
  const { part, bytes, url } = transfer;
  const { start, total } = extentOf(response);
  const isSame = start === 0 || (start === offset && total === before?.total);
  if (!isSame) {
    await response.body?.cancel();
    dropPart(part);
    return failed("the server answered with bytes other than those requested", true);
  }
  if (bytes !== null && total !== undefined && total !== bytes) {
    await response.body?.cancel();
    return failed(`the server has ${total} bytes, expected ${bytes}`);
  }
  const mark: Mark = { url, etag: response.headers.get("etag"), total };
  Deno.writeTextFileSync(`${part}.json`, JSON.stringify(mark));
  if (!await append(response, transfer, start, total)) {
    dropPart(part);
    return failed("the server sent more bytes than it announced");
  }
  const received = sizeOfPart(part);
  const wanted = bytes ?? total;
  if (wanted !== undefined && received < wanted) {
    return failed(`the connection ended after ${received} of ${wanted} bytes`, true);
  }
  return { done: true };
}

/** One attempt. Disk errors are thrown; network errors are outcomes. */
export async function attemptTransfer(transfer: Transfer): Promise<Outcome> {
  const point = resumePoint(transfer);
  const { offset, mark } = point;
  if (transfer.bytes !== null && offset === transfer.bytes) return { done: true };
  let response: Response;
  try {
    const { signal } = transfer;
    response = await fetch(transfer.url, { headers: headersFor(offset, mark), signal });
  } catch (error) {
    transfer.signal?.throwIfAborted();
    return failed(messageOf(error), true);
  }
  if (response.status === 416) {
    await response.body?.cancel();
    return afterRangeRefused(response, transfer, offset);
  }
  if (!response.ok) {
    await response.body?.cancel();
    const mayRecover = response.status >= 500 || [408, 425, 429].includes(response.status);
    return failed(`the server answered ${response.status}`, mayRecover);
  }
  try {
    return await receive(response, transfer, point);
  } catch (error) {
    transfer.signal?.throwIfAborted();
    // A broken body is a TypeError from fetch; anything else is ours or the disk's.
    if (!(error instanceof TypeError)) throw error;
    return failed(`the connection broke after ${sizeOfPart(transfer.part)} bytes`, true);
  }
}
