/** The routes of the local page. */
import { Hono, streamSSE } from "../../deps/hono.ts";
import { uplotScript, uplotStyle } from "../../deps/uplot.ts";
import clientScript from "./client.js" with { type: "text" };
import compareScript from "./compare.js" with { type: "text" };
import { page, style } from "./page.ts";
import type { RunLibrary } from "./run_library.ts";

/** What the page is served with. */
export interface AppOptions {
  readonly library: RunLibrary;
  /** The name or address that the server listens on. */
  readonly host: string;
  /** Seconds between checks of the files. */
  readonly pollSeconds: number;
  /** Seconds since 1970. */
  readonly now: () => number;
}

const isAddress = (host: string) => /^(\d+\.){3}\d+$/.test(host) || /^\[[0-9a-f:.]+\]$/i.test(host);

/**
 * Whether a request was meant for this server. A web page that makes its own host name resolve to 127.0.0.1
 * (DNS rebinding) sends that name; addresses and `localhost` cannot be spoofed this way.
 */
export function isOwnHost(header: string | undefined, host: string): boolean {
  const name = header?.replace(/:\d+$/, "").toLowerCase() ?? "";
  return name === "localhost" || name === host.toLowerCase() || isAddress(name);
}

const plainPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
  "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/** A report is a self-contained page: no scripts, whatever a run directory holds. */
const reportPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Files served unchanged. */
const files: readonly (readonly [path: string, type: string, text: string])[] = [
  ["/", "text/html", page],
  ["/style.css", "text/css", style],
  ["/client.js", "text/javascript", clientScript],
  ["/compare.js", "text/javascript", compareScript],
  ["/uplot.js", "text/javascript", uplotScript],
  ["/uplot.css", "text/css", uplotStyle],
];

/** The page and its data as a request handler. */
export function createApp({ library, host, pollSeconds, now }: AppOptions): Hono {
  const app = new Hono();
  let looked = -Infinity;
  const look = () => {
    // Several open pages share one check of the files.
    if (now() - looked < pollSeconds / 2) return;
    library.refresh();
    looked = now();
  };
  app.use(async (context, next) => {
    if (!isOwnHost(context.req.header("host"), host)) {
      return context.text("This page is only served under its own address.\n", 403);
    }
    if (context.req.method !== "GET" && context.req.method !== "HEAD") {
      return context.text("Only GET is supported.\n", 405);
    }
    await next();
    context.header("x-content-type-options", "nosniff");
    context.header("cache-control", "no-store");
    context.header("cross-origin-resource-policy", "same-origin");
    if (!context.res.headers.has("content-security-policy")) {
      context.header("content-security-policy", plainPolicy);
    }
  });
  for (const [path, type, text] of files) {
    app.get(
      path,
      (context) => context.body(text, 200, { "content-type": `${type}; charset=utf-8` }),
    );
  }
  app.get("/api/runs", (context) => {
    look();
    return context.json(library.summaries(now()));
  });
  app.get("/api/curves", (context) => {
    const run = library.run(context.req.query("run") ?? "");
    try {
      return run === undefined ? context.notFound() : context.json(run.curves());
    } catch {
      return context.notFound(); // Deleted, or closed to us, while it was read.
    }
  });
  app.get("/api/config", (context) => {
    const run = library.run(context.req.query("run") ?? "");
    return run === undefined ? context.notFound() : context.json(run.configLeaves());
  });
  app.get("/report", async (context) => {
    const run = library.run(context.req.query("run") ?? "");
    const html = await run?.report() ?? null;
    if (html === null) return context.notFound();
    return context.body(html, 200, {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": reportPolicy,
    });
  });
  app.get("/events", (context) =>
    streamSSE(context, async (stream) => {
      let sent = "";
      while (!stream.aborted) {
        look();
        const data = JSON.stringify(library.summaries(now()));
        // An occasional comment tells both sides that the other is still there.
        if (data === sent) await stream.write(": still here\n\n");
        else await stream.writeSSE({ event: "runs", data });
        sent = data;
        await stream.sleep(pollSeconds * 1000);
      }
    }));
  return app;
}
