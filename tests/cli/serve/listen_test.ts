import assert from "node:assert/strict";
import { listen } from "../../../cli/serve/listen.ts";

/** What is read of a connection until it ends, and after how many seconds. */
async function untilEnd(connection: Deno.TcpConn): Promise<{ text: string; seconds: number }> {
  const start = performance.now();
  let text = "";
  const buffer = new Uint8Array(1024);
  try {
    for (;;) {
      const count = await connection.read(buffer);
      if (count === null) break;
      text += new TextDecoder().decode(buffer.subarray(0, count));
    }
  } catch {
    // Reset is an end too.
  }
  connection.close();
  return { text, seconds: (performance.now() - start) / 1000 };
}

async function withServer(
  mostConnections: number,
  work: (port: number) => Promise<void>,
): Promise<void> {
  const controller = new AbortController();
  const { port, finished } = await listen(() => new Response("here"), {
    ...{ hostname: "127.0.0.1", port: 0, signal: controller.signal },
    ...{ requestSeconds: 0.8, mostConnections },
  });
  try {
    await work(port);
  } finally {
    controller.abort();
    await finished;
  }
}

const connect = (port: number) => Deno.connect({ hostname: "127.0.0.1", port });

Deno.test("serve: who does not finish a request, or sends none, is dropped", async () => {
  await withServer(16, async (port) => {
    const half = await connect(port);
    await half.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"));
    const silent = await connect(port);
    const [first, second] = await Promise.all([untilEnd(half), untilEnd(silent)]);
    assert.match(first.text, /^HTTP\/1\.1 408 /);
    assert.ok(first.seconds < 10 && second.seconds < 10, `${first.seconds} s, ${second.seconds} s`);
    assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), "here");
  });
});

Deno.test("serve: there are only so many connections at a time", async () => {
  await withServer(2, async (port) => {
    const held = [await connect(port), await connect(port)];
    const third = await untilEnd(await connect(port));
    assert.ok(third.text === "" && third.seconds < 0.7, "turned away at once");
    await Promise.all(held.map(untilEnd));
    const response = await fetch(`http://127.0.0.1:${port}/`);
    assert.equal(await response.text(), "here");
  });
});

Deno.test("serve: a port that is taken is said so", async () => {
  await withServer(2, async (port) => {
    const taken = listen(() => new Response(), {
      ...{ hostname: "127.0.0.1", port, signal: new AbortController().signal },
    });
    await assert.rejects(taken, { code: "EADDRINUSE" });
  });
});
