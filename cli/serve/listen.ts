/** The local page's server: slow or idle clients are dropped, and the number of connections is limited. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "../../deps/hono.ts";

/** Where to listen, and how long to wait. */
export interface ListenOptions {
  readonly hostname: string;
  /** 0 for any free port. */
  readonly port: number;
  /** Stops the server and everything in progress. */
  readonly signal: AbortSignal;
  /** Seconds within which a request must have arrived, above all its headers. */
  readonly requestSeconds?: number;
  /** Simultaneous connections; a page uses one or two. */
  readonly mostConnections?: number;
}

/** A running server. */
export interface Listening {
  readonly port: number;
  /** Settles when the server has stopped. */
  readonly finished: Promise<void>;
}

/**
 * Answers requests. `Deno.serve` waits indefinitely for the rest of a request; Node's server, as implemented in
 * Deno, does not.
 *
 * @throws the system's error if it cannot listen
 */
export async function listen(
  fetch: (request: Request) => Response | Promise<Response>,
  { hostname, port, signal, requestSeconds = 15, mostConnections = 128 }: ListenOptions,
): Promise<Listening> {
  const milliseconds = 1000 * requestSeconds;
  const server = createAdaptorServer({
    fetch,
    serverOptions: {
      headersTimeout: milliseconds,
      requestTimeout: milliseconds,
      keepAliveTimeout: milliseconds,
      connectionsCheckingInterval: Math.min(1000, milliseconds / 2),
    },
  }) as Server;
  server.maxConnections = mostConnections;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.once("listening", resolve);
    server.listen(port, hostname);
  });
  const finished = new Promise<void>((resolve) => server.once("close", () => resolve()));
  const end = () => {
    server.close();
    server.closeAllConnections();
  };
  if (signal.aborted) end();
  else signal.addEventListener("abort", end, { once: true });
  return { port: (server.address() as AddressInfo).port, finished };
}
