/**
 * A proxy that counts the bytes that come back through it, as a program of its own, because the tests
 * reach no other machine: it prints its port, and answers any plain request with the count.
 */
const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log(listener.addr.port);
let bytes = 0;

async function serve(near: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(8192);
  const head = new TextDecoder().decode(buffer.subarray(0, await near.read(buffer) ?? 0));
  const [method, target] = head.split(" ");
  const write = (text: string) =>
    near.write(new TextEncoder().encode(`HTTP/1.1 200 OK\r\n${text}`));
  if (method !== "CONNECT") {
    await write(`content-length: ${String(bytes).length}\r\n\r\n${bytes}`);
    return near.close();
  }
  const [hostname, port] = target.split(":");
  const far = await Deno.connect({ hostname, port: Number(port) });
  await write("\r\n");
  const counting = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, to) {
      bytes += chunk.length;
      to.enqueue(chunk);
    },
  });
  await Promise.allSettled([
    near.readable.pipeTo(far.writable),
    far.readable.pipeThrough(counting).pipeTo(near.writable),
  ]);
}

for await (const connection of listener) serve(connection).catch(() => {});
