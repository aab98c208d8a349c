/** The server of the local page: who is slow or idle is dropped, and there are only so many at a time. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "../../deps/hono.ts";

/** Where to listen, and how long to wait for whom. */
export interface ListenOptions {
  readonly hostname: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** Ends the server, and all that is being answered. */
  readonly signal: AbortSignal;
  /** Seconds in which a request must have come, its head above all. */
  readonly requestSeconds?: number;
  /** Connections at a time; a page holds one or two. */
  readonly mostConnections?: number;
}

/** A server that listens. */
export interface Listening {
  readonly port: number;
  /** Settles when the server has ended. */
  readonly finished: Promise<void>;
}

/**
 * Answers requests. `Deno.serve` waits for ever for the rest of a request; Node's server, as Deno has it,
 * does not.
 *
 * @throws what the system says where it cannot listen
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
