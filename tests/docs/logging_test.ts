import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { tinyOverrides, withFolder, writeTinyTokenizer } from "../tasks/_tiny.ts";

const root = new URL("../../", import.meta.url);
const page = Deno.readTextFileSync(new URL("docs/logging.md", root));

/** Writes the snippet that begins with a file's name where it can be loaded; gives its path. */
async function writeSnippet(folder: string, name: string): Promise<string> {
  const snippet = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code)
    .find((code) => code.startsWith(`// ${name}`));
  assert.ok(snippet !== undefined, `docs/logging.md has ${name}`);
  const path = `${folder}/${name}`;
  await Deno.writeTextFile(path, snippet.replace("../mod.ts", new URL("mod.ts", root).href));
  return path;
}

/** A request that a stand-in for a server has got. */
interface Received {
  readonly path: string;
  readonly authorization: string | null;
  // deno-lint-ignore no-explicit-any
  readonly body: any;
}

/** Pretrains with a hook against a server that answers with `answer`; gives what both said. */
async function trainWith(
  folder: string,
  hook: string,
  answer: (request: Received) => object | null,
  env: (address: string) => Record<string, string> = () => ({}),
): Promise<{ received: Received[]; stdout: string; stderr: string; code: number }> {
  const received: Received[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      const authorization = request.headers.get("authorization");
      const one = { path: pathname, authorization, body: await request.json() };
      received.push(one);
      const answered = answer(one);
      return answered === null ? new Response("no", { status: 500 }) : Response.json(answered);
    },
  );
  try {
    const { port } = server.addr as Deno.NetAddr;
    const settings = [...tinyOverrides(await writeTinyTokenizer(folder)), "data.split=train"]
      .flatMap((override) => ["--set", override]);
    const main = fileURLToPath(new URL("main.ts", root));
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-check",
        "--allow-read",
        "--allow-write",
        "--allow-env",
        "--allow-ffi",
        "--allow-sys",
        `--allow-net=127.0.0.1:${port}`,
        main,
        "pretrain",
        ...settings,
        "--out",
        `${folder}/run`,
        "--hook",
        hook,
      ],
      env: env(`http://127.0.0.1:${port}`),
    }).output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    return { received, stdout: out, stderr: err, code };
  } finally {
    await server.shutdown();
  }
}

Deno.test("docs/logging.md: MLflow gets the config, every step and the end", async () => {
  await withFolder(async (folder) => {
    const hook = await writeSnippet(folder, "mlflow.ts");
    const { received, stderr, code } = await trainWith(
      folder,
      hook,
      ({ path }) => path.endsWith("create") ? { run: { info: { run_id: "r1" } } } : {},
      (address) => ({ MLFLOW_TRACKING_URI: address }),
    );
    assert.equal(code, 0, stderr);
    assert.ok(!stderr.includes("warning"), stderr);
    const [create, params, ...others] = received;
    assert.equal(create.path, "/api/2.0/mlflow/runs/create");
    assert.equal(create.body.experiment_id, "0");
    assert.ok(params.body.params.some(({ key }: { key: string }) => key === "optimizer"));
    const end = others.pop()!;
    assert.deepEqual([end.path, end.body.status], ["/api/2.0/mlflow/runs/update", "FINISHED"]);
    const losses = others.flatMap(({ body }) => body.metrics).filter(({ key }) => key === "loss");
    const wanted = Deno.readTextFileSync(`${folder}/run/metrics.jsonl`).trimEnd().split("\n")
      .map((line) => JSON.parse(line)).map(({ step, loss }) => [step, loss]);
    assert.deepEqual(losses.map(({ step, value }) => [step, value]), wanted);
    assert.ok(others.every(({ body }) => body.run_id === "r1"));
  });
});

Deno.test("docs/logging.md: Weights & Biases gets the config, every step and the end", async () => {
  await withFolder(async (folder) => {
    const hook = await writeSnippet(folder, "wandb.ts");
    const bucket = { name: "abc", project: { name: "p", entity: { name: "me" } } };
    const { received, stderr, code } = await trainWith(
      folder,
      hook,
      ({ path }) => path === "/graphql" ? { data: { upsertBucket: { bucket } } } : {},
      (address) => ({ WANDB_BASE_URL: address, WANDB_API_KEY: "key", WANDB_PROJECT: "p" }),
    );
    assert.equal(code, 0, stderr);
    assert.ok(!stderr.includes("warning"), stderr);
    const [create, ...streamed] = received;
    assert.equal(create.authorization, `Basic ${btoa("api:key")}`);
    assert.equal(create.body.variables.project, "p");
    assert.equal(JSON.parse(create.body.variables.config).seed.value, 0);
    assert.ok(streamed.every(({ path }) => path === "/files/me/p/abc/file_stream"));
    assert.deepEqual([streamed.at(-1)!.body.complete, streamed.at(-1)!.body.exitcode], [true, 0]);
    const history = streamed.flatMap(({ body }) => {
      const file = body.files["wandb-history.jsonl"];
      return file === undefined ? [] : file.content.map((line: string) => JSON.parse(line));
    });
    const steps = history.filter((record) => "loss" in record).map(({ _step }) => _step);
    assert.deepEqual(steps, Array.from({ length: 12 }, (_, i) => i + 1));
  });
});

Deno.test("docs/logging.md: a hook whose server fails is one warning; the run is whole", async () => {
  await withFolder(async (folder) => {
    const hook = await writeSnippet(folder, "mlflow.ts");
    const { stderr, code } = await trainWith(
      folder,
      hook,
      () => null,
      (address) => ({ MLFLOW_TRACKING_URI: address }),
    );
    assert.equal(code, 0, stderr);
    const warnings = stderr.split("\n").filter((line) => line.startsWith("warning:"));
    assert.match(warnings[0], /The hook ".*mlflow\.ts" failed, the run goes on: MLflow: 500 no/);
    assert.ok(warnings.length <= 2, stderr);
    const events = Deno.readTextFileSync(`${folder}/run/events.jsonl`);
    assert.ok(events.includes('"kind":"hook"') && events.includes('"type":"done"'));
  });
});

Deno.test("--hook: a missing file and one without a function are mistakes", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/none.ts`, "export const x = 1;\n");
    for (
      const [path, message] of [
        [
          `${folder}/none.ts`,
          /Cannot use the hook ".*none\.ts": its default export is no function/,
        ],
        [`${folder}/nowhere.ts`, /Cannot load the hook ".*nowhere\.ts"/],
      ] as const
    ) {
      const { code, stderr } = await trainWith(folder, path, () => null);
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
      assert.ok(!stderr.includes("    at "), "no stack");
    }
  });
});

Deno.test("docs/logging.md: the first snippet prints", async () => {
  await withFolder(async (folder) => {
    const hook = await writeSnippet(folder, "print.ts");
    const text = await Deno.readTextFile(hook);
    await Deno.writeTextFile(hook, text.replace("% 100", "% 10"));
    const { stdout, code, stderr } = await trainWith(folder, hook, () => null);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^10 [\d.]+$/m);
  });
});
