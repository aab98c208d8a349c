import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { UserError } from "../../../core/errors.ts";
import { MODEL_CARDS, type ModelCard } from "../../../checkpoints/hub/cards.ts";
import { cacheDirectory, downloadCard, resolveWeights } from "../../../checkpoints/hub/download.ts";

const WEIGHTS = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31 + (i >> 8)) & 255);
const SHA256 = createHash("sha256").update(WEIGHTS).digest("hex");

/** How the server behaves for one request; `request` counts from 0. */
type Answer = (range: number, request: number) => string | { head: string; body: Uint8Array };

interface World {
  url: string;
  directory: string;
  ranges: number[];
}

const head = (status: string, headers: Record<string, string | number>) =>
  [`HTTP/1.1 ${status}`, ...Object.entries(headers).map(([k, v]) => `${k}: ${v}`), "", ""]
    .join("\r\n");

const whole = (bytes = WEIGHTS) => ({
  head: head("200 OK", { "content-length": bytes.length, etag: '"1"', connection: "close" }),
  body: bytes,
});

const partial = (range: number, bytes = WEIGHTS) => ({
  head: head("206 Partial Content", {
    "content-length": bytes.length - range,
    "content-range": `bytes ${range}-${bytes.length - 1}/${bytes.length}`,
    etag: '"1"',
    connection: "close",
  }),
  body: bytes.subarray(range),
});

const status = (line: string) => head(line, { "content-length": 0, connection: "close" });

async function serveOne(connection: Deno.Conn, answer: Answer, world: World): Promise<void> {
  const buffer = new Uint8Array(4096);
  let text = "";
  while (!text.includes("\r\n\r\n")) {
    const count = await connection.read(buffer);
    if (count === null) return connection.close();
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
  const range = Number(/^range: bytes=(\d+)-/im.exec(text)?.[1] ?? 0);
  world.ranges.push(range);
  const said = answer(range, world.ranges.length - 1);
  const { head, body } = typeof said === "string" ? { head: said, body: new Uint8Array(0) } : said;
  try {
    await connection.write(new TextEncoder().encode(head));
    for (let done = 0; done < body.length;) done += await connection.write(body.subarray(done));
  } catch {
    // The client may hang up on a liar.
  }
  connection.close();
}

/** A server on bare TCP, which can lie about lengths and break off. */
async function withServer(answer: Answer, work: (world: World) => Promise<void>): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const directory = await Deno.makeTempDir();
  const url = `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}/files/vqkd.pth`;
  const world: World = { url, directory, ranges: [] };
  const serving = (async () => {
    for await (const connection of listener) await serveOne(connection, answer, world);
  })();
  try {
    await work(world);
  } finally {
    listener.close();
    await serving;
    await Deno.remove(directory, { recursive: true });
  }
}

const card = (url: string, known: Partial<ModelCard> = {}): ModelCard => ({
  name: "vqkd",
  kind: "tokenizer",
  shape: null,
  description: "test weights",
  urls: [url],
  bytes: WEIGHTS.length,
  sha256: SHA256,
  licence: "MIT",
  source: url,
  ...known,
});

const quick = { retryDelayMs: 1, attempts: 3 };

async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    assert(error instanceof UserError, String(error));
    assert(!error.message.includes("\n"));
    return error.message;
  }
  assert.fail("it succeeded");
}

const filesIn = (directory: string) =>
  [...Deno.readDirSync(directory)].map(({ name }) => name).filter((name) =>
    !name.endsWith(".lock")
  );

Deno.test("downloadCard() fetches once and then serves the cache", () =>
  withServer(() => whole(), async ({ url, directory, ranges }) => {
    const seen: number[] = [];
    const options = {
      directory,
      onProgress: ({ bytes }: { bytes: number }) => void seen.push(bytes),
    };
    const path = await downloadCard(card(url), options);
    assert.deepEqual(await Deno.readFile(path), WEIGHTS);
    assert.equal(seen.at(-1), WEIGHTS.length);
    assert.equal(await downloadCard(card(url), { directory, offline: true }), path);
    assert.equal(ranges.length, 1);
    assert.deepEqual(filesIn(directory), ["vqkd.pth"]);
  }));

Deno.test("downloadCard() goes on where a broken connection stopped", () =>
  withServer((range, request) => {
    const { head, body } = request === 0 ? whole() : partial(range);
    return { head, body: request < 3 ? body.subarray(0, 70_000) : body };
  }, async ({ url, directory, ranges }) => {
    const path = await downloadCard(card(url), { directory, ...quick });
    assert.deepEqual(await Deno.readFile(path), WEIGHTS);
    assert.equal(ranges.length, 4);
    assert(ranges[1] > 0 && ranges[2] > ranges[1] && ranges[3] > ranges[2], ranges.join());
  }));

Deno.test("downloadCard() goes on after the process was killed, and starts anew elsewhere", () =>
  withServer(
    (range) => range > 0 ? partial(range) : whole(),
    async ({ url, directory, ranges }) => {
      const part = join(directory, "vqkd.pth.part");
      const mark = { url, etag: '"1"', total: WEIGHTS.length };
      await Deno.writeFile(part, WEIGHTS.subarray(0, 1000));
      await Deno.writeTextFile(`${part}.json`, JSON.stringify(mark));
      const path = await downloadCard(card(url), { directory });
      assert.deepEqual(await Deno.readFile(path), WEIGHTS);
      await Deno.remove(path);
      await Deno.writeFile(part, WEIGHTS.subarray(0, 1000));
      await Deno.writeTextFile(`${part}.json`, JSON.stringify({ ...mark, url: "http://other/" }));
      await downloadCard(card(url), { directory });
      assert.deepEqual(ranges, [1000, 0]);
    },
  ));

Deno.test("downloadCard() starts again where a resumed file has another hash", () =>
  withServer(
    (range) => range > 0 ? partial(range) : whole(),
    async ({ url, directory, ranges }) => {
      const part = join(directory, "vqkd.pth.part");
      await Deno.writeFile(part, new Uint8Array(1000));
      await Deno.writeTextFile(
        `${part}.json`,
        JSON.stringify({ url, etag: null, total: WEIGHTS.length }),
      );
      const path = await downloadCard(card(url), { directory });
      assert.deepEqual(await Deno.readFile(path), WEIGHTS);
      assert.deepEqual(ranges, [1000, 0]);
    },
  ));

Deno.test("downloadCard() takes the whole file from a server that ignores ranges", () =>
  withServer((_, request) => {
    const { head, body } = whole();
    return { head, body: request === 0 ? body.subarray(0, 5000) : body };
  }, async ({ url, directory }) => {
    const path = await downloadCard(card(url), { directory, ...quick });
    assert.deepEqual(await Deno.readFile(path), WEIGHTS);
  }));

Deno.test("downloadCard() says how far a server got that always breaks off", () =>
  withServer((range) => {
    const { head, body } = range > 0 ? partial(range) : whole();
    return { head, body: range > 0 ? new Uint8Array(0) : body.subarray(0, 5000) };
  }, async ({ url, directory, ranges }) => {
    const message = await refusal(downloadCard(card(url), { directory, ...quick }));
    assert.match(message, /Cannot download "vqkd": .*(broke|ended) after 5000/);
    assert(ranges.length < 8);
    assert(filesIn(directory).includes("vqkd.pth.part"));
  }));

Deno.test("downloadCard() believes neither a short nor a long length", async () => {
  const lie = (length: number) => ({
    head: head("200 OK", { "content-length": length, connection: "close" }),
    body: WEIGHTS,
  });
  await withServer(() => lie(1000), async ({ url, directory }) => {
    const message = await refusal(downloadCard(card(url), { directory, ...quick }));
    assert.match(message, /the server has 1000 bytes, expected 300000/);
    const unpinned = card(url, { bytes: null });
    assert.match(await refusal(downloadCard(unpinned, { directory, ...quick })), /SHA-256 is/);
  });
  await withServer(() => lie(900_000), async ({ url, directory }) => {
    const unpinned = card(url, { bytes: null });
    const message = await refusal(downloadCard(unpinned, { directory, ...quick }));
    assert.match(message, /(broke|ended) after 300000/);
    assert(!filesIn(directory).includes("vqkd.pth"));
  });
});

Deno.test("downloadCard() refuses a file with another hash and leaves nothing behind", () =>
  withServer(() => whole(WEIGHTS.toReversed()), async ({ url, directory }) => {
    const message = await refusal(downloadCard(card(url), { directory, ...quick }));
    assert.match(message, new RegExp(`its SHA-256 is [0-9a-f]{64}, expected ${SHA256}`));
    assert.deepEqual(filesIn(directory), []);
  }));

Deno.test("downloadCard() checks the first digits where only these are known", () =>
  withServer(() => whole(), async ({ url, directory }) => {
    const known = card(url, { bytes: null, sha256: SHA256.slice(0, 8) });
    assert(await downloadCard(known, { directory }));
    const wrong = card(url.replace("vqkd", "other"), { bytes: null, sha256: "00000000" });
    assert.match(await refusal(downloadCard(wrong, { directory })), /expected 00000000/);
  }));

Deno.test("downloadCard() does not repeat what is hopeless: 404", () =>
  withServer(() => status("404 Not Found"), async ({ url, directory, ranges }) => {
    const message = await refusal(downloadCard(card(url), { directory, ...quick }));
    assert.match(message, /the server answered 404; try again later, or give the path of a local/);
    assert.equal(ranges.length, 1);
  }));

Deno.test("downloadCard() repeats what may pass: 500, then the file", () =>
  withServer(
    (_, request) => request < 2 ? status("500 Internal Server Error") : whole(),
    async ({ url, directory, ranges }) => {
      assert(await downloadCard(card(url), { directory, ...quick }));
      assert.equal(ranges.length, 3);
    },
  ));

Deno.test("downloadCard() gives up after three times 500", () =>
  withServer(
    () => status("500 Internal Server Error"),
    async ({ url, directory, ranges }) => {
      const message = await refusal(downloadCard(card(url), { directory, ...quick }));
      assert.match(message, /answered 500/);
      assert.equal(ranges.length, 3);
    },
  ));

Deno.test("downloadCard() starts anew after 416, and knows a part that is whole", () =>
  withServer(
    (range) =>
      range > 0
        ? head("416 Range Not Satisfiable", {
          "content-range": `bytes */${WEIGHTS.length}`,
          "content-length": 0,
          connection: "close",
        })
        : whole(),
    async ({ url, directory, ranges }) => {
      const part = join(directory, "vqkd.pth.part");
      for (const length of [1000, WEIGHTS.length]) {
        await Deno.writeFile(part, WEIGHTS.subarray(0, length));
        const mark = { url, etag: null, total: WEIGHTS.length };
        await Deno.writeTextFile(`${part}.json`, JSON.stringify(mark));
        const path = await downloadCard(card(url, { bytes: null }), { directory, ...quick });
        assert.deepEqual(await Deno.readFile(path), WEIGHTS);
        await Deno.remove(path);
      }
      assert.deepEqual(ranges, [1000, 0, WEIGHTS.length]);
    },
  ));

Deno.test("downloadCard() tries mirrors first and falls back to the card's address", () =>
  withServer(
    (_, request) => request === 0 ? status("404 Not Found") : whole(),
    async ({ url, directory, ranges }) => {
      const mirrors = [`${new URL(url).origin}/mirror/`];
      assert(await downloadCard(card(url), { directory, mirrors, ...quick }));
      assert.equal(ranges.length, 2);
    },
  ));

Deno.test("downloadCard() says what it cannot do offline and where the file belongs", async () => {
  const directory = await Deno.makeTempDir();
  const message = await refusal(
    downloadCard(card("http://127.0.0.1:1/vqkd.pth"), { directory, offline: true }),
  );
  assert.match(message, /--offline is set; put the file at ".*vqkd.pth"/);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("resolveWeights() prefers a local file, knows cards and guesses at slips", async () => {
  const directory = await Deno.makeTempDir();
  assert.equal(await resolveWeights(directory), directory);
  const offline = { directory, offline: true };
  assert.match(await refusal(resolveWeights("vqkd_encoder.pth", offline)), /--offline is set/);
  assert.match(
    await refusal(resolveWeights("vqkd_encodr", offline)),
    /no such file or model; did you mean "vqkd_encoder"\?/,
  );
  await Deno.remove(directory, { recursive: true });
});

Deno.test("resolveWeights() keeps files of different addresses apart", () =>
  withServer(() => whole(), async ({ url, directory, ranges }) => {
    const first = await resolveWeights(url, { directory });
    const second = await resolveWeights(url.replace("files", "others"), { directory });
    assert.notEqual(first, second);
    assert.equal(ranges.length, 2);
  }));

Deno.test("cacheDirectory() looks at MIMIC_CACHE, then XDG_CACHE_HOME, then HOME", () => {
  const all = { MIMIC_CACHE: "/a", XDG_CACHE_HOME: "/b", HOME: "/c" };
  const of = (variables: Record<string, string>) => cacheDirectory((name) => variables[name]);
  assert.equal(of(all), "/a");
  assert.equal(of({ ...all, MIMIC_CACHE: "" }), join("/b", "mimic"));
  assert.equal(of({ HOME: "/c" }), join("/c", ".cache", "mimic"));
  assert.throws(() => of({}), /set MIMIC_CACHE/);
});

Deno.test("every card has a licence, a source, an address and no invented hash", () => {
  assert.equal(new Set(MODEL_CARDS.map(({ name }) => name)).size, MODEL_CARDS.length);
  for (const { urls, licence, source, sha256 } of MODEL_CARDS) {
    assert(urls.length > 0 && urls.every((url) => new URL(url).protocol === "https:"));
    assert(licence && source.startsWith("https://"));
    if (sha256 !== null) assert(urls[0].includes(sha256) || sha256.length === 64);
  }
});
