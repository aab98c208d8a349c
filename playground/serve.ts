/**
 * A server of the playground on this machine.
 *
 * @module
 */

import { buildPlayground } from "./build.ts";
import { contentPolicy, isolation } from "./headers.ts";

const types: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  gz: "application/gzip",
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
  png: "image/png",
  safetensors: "application/octet-stream",
  svg: "image/svg+xml",
  wasm: "application/wasm",
};

/** A file, or the part of it that was asked for: tensors are read one by one. */
function answer(bytes: Uint8Array<ArrayBuffer>, path: string, range: string | null): Response {
  const type = types[path.slice(path.lastIndexOf(".") + 1)] ?? "application/octet-stream";
  const headers = {
    "content-type": type,
    "accept-ranges": "bytes",
    "content-security-policy": contentPolicy,
    ...isolation,
  };
  const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(range ?? "") ?? [];
  if (start === undefined) return new Response(bytes, { headers });
  const last = Math.min(Number(end), bytes.length - 1);
  return new Response(bytes.subarray(Number(start), last + 1), {
    status: 206,
    headers: { ...headers, "content-range": `bytes ${start}-${last}/${bytes.length}` },
  });
}

/**
 * Serves the page's files.
 *
 * @param files of `buildPlayground`
 * @param port 0 for any that is free
 * @param isIsolated whether threads may share memory; a plain web host does not say so
 */
export function serveFiles(
  files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
  port = 0,
  isIsolated = true,
): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "127.0.0.1", port, onListen: () => {} }, (request) => {
    const { pathname } = new URL(request.url);
    const path = pathname === "/" ? "index.html" : decodeURIComponent(pathname.slice(1));
    const bytes = files.get(path);
    if (bytes === undefined) return new Response("not found", { status: 404 });
    const response = answer(bytes, path, request.headers.get("range"));
    if (!isIsolated) { for (const name of Object.keys(isolation)) response.headers.delete(name); }
    return response;
  });
}

/** Builds the page in memory and serves it; 0 is any free port. */
export async function servePlayground(port = 0): Promise<Deno.HttpServer<Deno.NetAddr>> {
  return serveFiles(await buildPlayground(), port);
}
