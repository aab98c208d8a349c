/** `serve`: a local page of all runs. */
import { messageOf, UserError } from "../../core/errors.ts";
import { defineCommand, integer, optional, text } from "../parsing/command.ts";

const defaultPort = 6007;

/** Serves the page until interrupted. */
export const serve = defineCommand({
  name: "serve",
  summary: "Show runs in the browser, live and side by side",
  description:
    "Serves a page of all runs below a folder: overlaid curves, the differences between " +
    "their configs, and their reports. New steps appear by themselves. Only this computer can " +
    "reach it, unless --host says otherwise. Ctrl-C stops it.",
  arguments: {
    runs: optional("RUNS_DIR", "Folder of runs, or one run; default: runs."),
  },
  flags: {
    port: integer(`Port to listen on; 0 for any free port; default: ${defaultPort}.`, {
      minimum: 0,
    }),
    host: text(
      "Address to listen on; default: 127.0.0.1. With another one, anyone who can reach it sees " +
        "all runs; the task then also needs this permission: deno run --allow-net --allow-read main.ts.",
      { placeholder: "HOST" },
    ),
  },
  examples: [
    ["serve", "the runs in this folder, at http://127.0.0.1:6007"],
    ["serve ~/runs --port 8080", "another folder and port"],
  ],
  async run({ flags, arguments: { runs } }, context) {
    const folder = runs ?? "runs";
    requireFolder(folder);
    const [{ createApp }, { RunLibrary }, { listen }] = await Promise.all([
      import("../serve/app.ts"),
      import("../serve/run_library.ts"),
      import("../serve/listen.ts"),
    ]);
    const host = flags.host ?? "127.0.0.1";
    const app = createApp({
      library: new RunLibrary(folder),
      host,
      pollSeconds: 1,
      now: () => Date.now() / 1000,
    });
    const wanted = flags.port ?? defaultPort;
    requirePermission(bracketed(host), wanted);
    const { port, finished } = await listen(app.fetch, {
      hostname: host,
      port: wanted,
      signal: context.signal,
    }).catch((error) => {
      throw listenError(host, wanted, error);
    });
    if (!["127.0.0.1", "localhost", "::1"].includes(host)) {
      context.note(`warning: anyone who can reach ${host} can see the runs; there is no password`);
    }
    context.endsAtOnce?.(() => "Stopped serving. Runs that are training continue.");
    context.print(`Serving ${folder} at http://${bracketed(host)}:${port} (Ctrl-C stops it)`);
    await finished;
  },
});

/** An address as written before a port. */
function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

function requireFolder(folder: string): void {
  try {
    if (Deno.statSync(folder).isDirectory) return;
  } catch (error) {
    throw new UserError(`Cannot serve "${folder}": ${messageOf(error)}`, {
      hint: "give the folder that holds your runs",
      cause: error,
    });
  }
  throw new UserError(`Cannot serve "${folder}": it is not a folder`, {
    hint: "give the folder that holds your runs",
  });
}

/** If Node's server may not listen, it throws where nobody can catch it, so we check first. */
function requirePermission(host: string, port: number): void {
  const { state } = Deno.permissions.querySync({ name: "net", host: `${host}:${port}` });
  if (state === "granted") return;
  throw new UserError(`Cannot listen on ${host}:${port}: the task may not`, {
    hint: "it may listen on 127.0.0.1 only; give it more with: " +
      `deno run --allow-read --allow-net main.ts serve --host ${host}`,
  });
}

function listenError(host: string, port: number, error: unknown): UserError {
  const isTaken = (error as { code?: unknown }).code === "EADDRINUSE";
  return new UserError(`Cannot listen on ${host}:${port}: ${messageOf(error)}`, {
    hint: isTaken
      ? "choose another with --port, or 0 for any free port"
      : "check --host and --port",
    cause: error,
  });
}
