/** `serve`: a local page over all runs. */
import { messageOf, UserError } from "../core/errors.ts";
import { defineCommand, integer, optional, text } from "./_command.ts";

const defaultPort = 6007;

/** Serves the page until it is interrupted. */
export const serve = defineCommand({
  name: "serve",
  summary: "Show runs in the browser, live and side by side",
  description:
    "Serves a page over all runs below a folder: curves laid over each other, what differs in " +
    "their configs, and their reports. New steps show up by themselves. Only this computer can " +
    "reach it, unless --host says otherwise. Ctrl-C ends it.",
  arguments: {
    runs: optional("RUNS_DIR", "Folder of runs, or one run; default: runs."),
  },
  flags: {
    port: integer(`Port to listen on; 0 for any that is free; default: ${defaultPort}.`, {
      minimum: 0,
    }),
    host: text(
      "Address to listen on; default: 127.0.0.1. With another one, everybody who reaches it sees " +
        "all runs; the task needs that permission too: deno run --allow-net --allow-read main.ts.",
      { placeholder: "HOST" },
    ),
  },
  examples: [
    ["serve", "the runs of this folder, at http://127.0.0.1:6007"],
    ["serve ~/runs --port 8080", "another folder and port"],
  ],
  async run({ flags, arguments: { runs } }, context) {
    const folder = runs ?? "runs";
    requireFolder(folder);
    const [{ createApp }, { RunLibrary }] = await Promise.all([
      import("./_serve/app.ts"),
      import("./_serve/run_library.ts"),
    ]);
    const host = flags.host ?? "127.0.0.1";
    const app = createApp({
      library: new RunLibrary(folder),
      host,
      pollSeconds: 1,
      now: () => Date.now() / 1000,
    });
    const server = listen(host, flags.port ?? defaultPort, context.signal, app.fetch);
    const { port } = server.addr as Deno.NetAddr;
    if (!["127.0.0.1", "localhost", "::1"].includes(host)) {
      context.note(`warning: everybody who reaches ${host} can see the runs; there is no password`);
    }
    const name = host.includes(":") ? `[${host}]` : host;
    context.print(`Serving ${folder} at http://${name}:${port} (Ctrl-C ends it)`);
    await server.finished;
  },
});

function requireFolder(folder: string): void {
  try {
    if (Deno.statSync(folder).isDirectory) return;
  } catch (error) {
    throw new UserError(`Cannot serve "${folder}": ${messageOf(error)}`, {
      hint: "give the folder that holds your runs",
      cause: error,
    });
  }
  throw new UserError(`Cannot serve "${folder}": it is no folder`, {
    hint: "give the folder that holds your runs",
  });
}

function hintFor(error: unknown): string {
  if (error instanceof Deno.errors.AddrInUse) {
    return "choose another with --port, or 0 for any that is free";
  }
  if (error instanceof Deno.errors.NotCapable) {
    return "the task may listen on 127.0.0.1 only: deno run --allow-read --allow-net main.ts serve";
  }
  return "check --host and --port";
}

function listen(
  hostname: string,
  port: number,
  signal: AbortSignal,
  handler: (request: Request) => Response | Promise<Response>,
): Deno.HttpServer {
  try {
    return Deno.serve({ hostname, port, signal, onListen: () => {} }, handler);
  } catch (error) {
    throw new UserError(`Cannot listen on ${hostname}:${port}: ${messageOf(error)}`, {
      hint: hintFor(error),
      cause: error,
    });
  }
}
