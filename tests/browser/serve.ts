/**
 * Serves the page that runs mimic in a browser: `deno task browser`, then open the address it prints.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import type { PretrainConfig } from "../../methods/beit/config.ts";
import { resolveConfig } from "../../methods/configs.ts";

const root = new URL("../../", import.meta.url);

/**
 * Where things are on the server. The bundle lies one folder deep, as the files that look for
 * `../assets/` do.
 */
const files: Readonly<Record<string, { path: string; type: string }>> = {
  "/": { path: "tests/browser/page.html", type: "text/html; charset=utf-8" },
  "/assets/fashion-mnist.tar.gz": { path: "assets/fashion-mnist.tar.gz", type: "application/gzip" },
  "/assets/vqkd_quickstart.safetensors": {
    path: "assets/vqkd_quickstart.safetensors",
    type: "application/octet-stream",
  },
};

/** Shared memory, which the threads of the `cpu` backend need, wants a page of its own. */
const isolation = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

/**
 * A module and all it needs as one file that a browser runs. sharp is native code: its module stays outside
 * and is never asked for.
 */
async function bundle(entry: string): Promise<string> {
  const { success, errors, outputFiles } = await Deno.bundle({
    entrypoints: [fileURLToPath(entry)],
    platform: "browser",
    external: ["./decode_sharp.ts"],
    write: false,
  });
  const [file] = outputFiles ?? [];
  if (success && file !== undefined) return file.text();
  throw new Error(`Cannot bundle "${entry}": ${errors.map(({ text }) => text).join("; ")}`);
}

/**
 * Stand-ins for Node's modules, by their names: a page keeps nothing on a disk, so that what imports
 * them is there but never called.
 */
function standIns(program: string): Map<string, string> {
  const names = new Map<string, Set<string>>();
  for (const [, list, module] of program.matchAll(/import \{([^}]*)\} from "node:(\w+)"/g)) {
    const known = names.get(module) ?? new Set();
    for (const name of list.split(",")) known.add(name.trim().split(" as ")[0]);
    names.set(module, known);
  }
  return new Map([...names].map(([module, known]) => [
    module,
    [...known].map((name) =>
      `export function ${name}() { throw new Error("node:${module} is not in a browser"); }\n`
    ).join(""),
  ]));
}

/** The quick start's config without what a page cannot do: workers, evaluation of the result. */
export async function pageConfig(): Promise<PretrainConfig> {
  const { config } = await resolveConfig({
    task: "pretrain",
    overrides: [
      "precision=float32",
      "data.workers=0",
      "evaluation.knn.atEnd=false",
      "evaluation.linear.atEnd=false",
    ],
  });
  return config;
}

/** A file, or the part of it that was asked for: tensors are read one by one. */
function answer(bytes: Uint8Array<ArrayBuffer>, type: string, range: string | null): Response {
  const headers = { "content-type": type, "accept-ranges": "bytes", ...isolation };
  const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(range ?? "") ?? [];
  if (start === undefined) return new Response(bytes, { headers });
  const last = Math.min(Number(end), bytes.length - 1);
  return new Response(bytes.subarray(Number(start), last + 1), {
    status: 206,
    headers: { ...headers, "content-range": `bytes ${start}-${last}/${bytes.length}` },
  });
}

/** A server of the page on a free port of this machine, or the one given. */
export async function servePage(port = 0): Promise<Deno.HttpServer<Deno.NetAddr>> {
  const [program, thread, config] = await Promise.all([
    bundle(import.meta.resolve("./page.ts")),
    bundle(import.meta.resolve("@mimic/mimic/browser/thread")),
    pageConfig(),
  ]);
  const made: Record<string, { body: string; type: string }> = {
    "/browser/quickstart.json": { body: JSON.stringify(config), type: "application/json" },
    // Where the program looks for it, beside itself.
    "/browser/worker_web.ts": { body: thread, type: "text/javascript" },
  };
  // A browser takes "node:path" for an address: the names are exchanged for places here.
  const here = program.replaceAll(/from "node:(\w+)"/g, 'from "/browser/node/$1.js"');
  made["/browser/page.js"] = { body: here, type: "text/javascript" };
  for (const [module, text] of standIns(program)) {
    made[`/browser/node/${module}.js`] = { body: text, type: "text/javascript" };
  }
  return Deno.serve({ hostname: "127.0.0.1", port, onListen: () => {} }, async (request) => {
    const { pathname } = new URL(request.url);
    const [file, own] = [files[pathname], made[pathname]];
    if (file === undefined && own === undefined) return new Response("not found", { status: 404 });
    const bytes = file === undefined
      ? new TextEncoder().encode(own.body)
      : await Deno.readFile(new URL(file.path, root));
    return answer(bytes, (file ?? own).type, request.headers.get("range"));
  });
}

if (import.meta.main) {
  Deno.addSignalListener("SIGINT", () => {
    // The terminal has put ^C on the row.
    console.log();
    Deno.exit(130);
  });
  const { addr } = await servePage(Number(Deno.args[0] ?? 8080));
  console.log(`http://${addr.hostname}:${addr.port}/?backend=webgpu&steps=20`);
}
