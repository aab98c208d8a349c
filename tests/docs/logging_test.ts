import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { lockFlag } from "../cli/_tasks.ts";
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

/** What makes a run of the tiny config end with its features' k-NN accuracy. */
const evaluated = ["--set", "evaluation.knn.atEnd=true"];

/** A request that a stand-in for a server has got. */
interface Received {
  readonly path: string;
  readonly authorization: string | null;
  // deno-lint-ignore no-explicit-any
  readonly body: any;
}

/** Pretrains with more flags against a server that answers with `answer`; gives what both said. */
async function trainWith(
  folder: string,
  flags: readonly string[],
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
        lockFlag,
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
        ...flags,
      ],
      env: env(`http://127.0.0.1:${port}`),
    }).output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    return { received, stdout: out, stderr: err, code };
  } finally {
    await server.shutdown();
  }
}

/** Answers as MLflow's tracking server does. */
const mlflow = ({ path, body }: Received) => {
  if (path.endsWith("experiments/search")) return { experiments: [] };
  if (path.endsWith("experiments/create")) return { experiment_id: `of ${body.name}` };
  if (path.endsWith("runs/create")) return { run: { info: { run_id: "r1" } } };
  return {};
};

/** Steps and losses of a run by its own file. */
function lossesOf(run: string): [number, number][] {
  return Deno.readTextFileSync(`${run}/metrics.jsonl`).trimEnd().split("\n")
    .map((line) => JSON.parse(line)).map(({ step, loss }) => [step, loss]);
}

Deno.test("--log mlflow: gets the config, every step, evaluations and the end", async () => {
  await withFolder(async (folder) => {
    const { received, stderr, code } = await trainWith(
      folder,
      ["--log", "mlflow", ...evaluated],
      mlflow,
      (address) => ({
        MLFLOW_TRACKING_URI: address,
        MLFLOW_EXPERIMENT_NAME: "rooms",
        MLFLOW_TRACKING_TOKEN: "secret",
      }),
    );
    assert.equal(code, 0, stderr);
    assert.ok(!stderr.includes("warning"), stderr);
    assert.ok(received.every(({ authorization }) => authorization === "Bearer secret"));
    const [search, experiment, create, ...others] = received;
    assert.equal(search.body.filter, "name = 'rooms'");
    assert.equal(experiment.body.name, "rooms");
    assert.equal(create.path, "/api/2.0/mlflow/runs/create");
    assert.deepEqual([create.body.experiment_id, create.body.run_name], ["of rooms", "run"]);
    const parameters = others.flatMap(({ body }) => body.params ?? []);
    assert.ok(others.every(({ body }) => (body.params ?? []).length <= 100));
    const batch = parameters.find(({ key }: { key: string }) => key === "batchSize");
    assert.deepEqual(batch, { key: "batchSize", value: "4" });
    const end = others.pop()!;
    assert.deepEqual([end.path, end.body.status], ["/api/2.0/mlflow/runs/update", "FINISHED"]);
    const metrics = others.flatMap(({ body }) => body.metrics ?? []);
    const losses = metrics.filter(({ key }) => key === "loss");
    assert.deepEqual(losses.map(({ step, value }) => [step, value]), lossesOf(`${folder}/run`));
    assert.ok(metrics.some(({ key }) => key === "evaluation/features/knnTop1"));
    assert.ok(others.every(({ body }) => body.run_id === "r1"));
  });
});

Deno.test("--log mlflow: a resumed run goes on in the one it had", async () => {
  await withFolder(async (folder) => {
    const env = (address: string) => ({ MLFLOW_TRACKING_URI: address });
    const flags = ["--log", "mlflow"];
    const first = await trainWith(folder, [...flags, "--max-steps", "5"], mlflow, env);
    assert.equal(first.code, 0, first.stderr);
    const { received, code, stderr } = await trainWith(folder, flags, mlflow, env);
    assert.equal(code, 0, stderr);
    assert.deepEqual(received[0].body, { run_id: "r1", status: "RUNNING" });
    const steps = received.flatMap(({ body }) => body.metrics ?? [])
      .filter(({ key }) => key === "loss").map(({ step }) => step);
    assert.deepEqual(steps, [6, 7, 8, 9, 10, 11, 12]);
  });
});

Deno.test("--log wandb: gets the config, every step, evaluations, summary and end", async () => {
  await withFolder(async (folder) => {
    const bucket = { name: "abc", project: { name: "p", entity: { name: "me" } } };
    const { received, stderr, code } = await trainWith(
      folder,
      ["--log", "wandb", ...evaluated],
      ({ path }) => path === "/graphql" ? { data: { upsertBucket: { bucket } } } : {},
      (address) => ({ WANDB_BASE_URL: address, WANDB_API_KEY: "key", WANDB_PROJECT: "p" }),
    );
    assert.equal(code, 0, stderr);
    assert.ok(!stderr.includes("warning"), stderr);
    const [create, ...streamed] = received;
    assert.equal(create.authorization, `Basic ${btoa("api:key")}`);
    assert.equal(create.body.variables.project, "p");
    assert.equal(create.body.variables.displayName, "run");
    assert.equal(JSON.parse(create.body.variables.config).seed.value, 0);
    assert.ok(streamed.every(({ path }) => path === "/files/me/p/abc/file_stream"));
    assert.deepEqual([streamed.at(-1)!.body.complete, streamed.at(-1)!.body.exitcode], [true, 0]);
    const files = streamed.flatMap(({ body }) =>
      Object.keys(body.files).length > 0 ? body.files : []
    );
    const history = files.flatMap((file) =>
      file["wandb-history.jsonl"].content.map((line: string) => JSON.parse(line))
    );
    const steps = history.filter((record) => "loss" in record).map(({ _step }) => _step);
    assert.deepEqual(steps, Array.from({ length: 12 }, (_, i) => i + 1));
    const summary = JSON.parse(files.at(-1)["wandb-summary.json"].content[0]);
    assert.equal(summary.loss, lossesOf(`${folder}/run`).at(-1)![1]);
    assert.ok("evaluation/features/knnTop1" in summary);
    assert.equal(JSON.parse(Deno.readTextFileSync(`${folder}/run/wandb.json`)).runId, "abc");
  });
});

Deno.test("--log wandb: goes on after the last line that the server has", async () => {
  await withFolder(async (folder) => {
    const project = { name: "p", entity: { name: "me" } };
    const answer = ({ path }: Received) =>
      path !== "/graphql"
        ? {}
        : { data: { upsertBucket: { bucket: { name: "abc", historyLineCount: 5, project } } } };
    const env = (address: string) => ({ WANDB_BASE_URL: address, WANDB_API_KEY: "key" });
    await trainWith(folder, ["--log", "wandb", "--max-steps", "5"], answer, env);
    const { received, code, stderr } = await trainWith(folder, ["--log", "wandb"], answer, env);
    assert.equal(code, 0, stderr);
    assert.equal(received[0].body.variables.name, "abc");
    assert.equal(received[1].body.files["wandb-history.jsonl"].offset, 5);
  });
});

Deno.test("--log: a missing key, a wrong address and a host out of reach are mistakes", async () => {
  await withFolder(async (folder) => {
    const cases: [string, Record<string, string>, RegExp][] = [
      ["wandb", { WANDB_API_KEY: "" }, /Cannot log to wandb: WANDB_API_KEY is not set/],
      ["mlflow", { MLFLOW_TRACKING_URI: "nowhere" }, /MLFLOW_TRACKING_URI is "nowhere"/],
      ["mlflow", { MLFLOW_TRACKING_URI: "http://far:5000" }, /the task may not contact far:5000/],
    ];
    for (const [name, env, message] of cases) {
      const { code, stderr } = await trainWith(folder, ["--log", name], () => null, () => env);
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
      assert.ok(!stderr.includes("    at "), "no stack");
    }
  });
});

Deno.test("--log: a server that fails is one warning; the run is whole", async () => {
  await withFolder(async (folder) => {
    const { stderr, code } = await trainWith(
      folder,
      ["--log", "mlflow"],
      () => null,
      (address) => ({ MLFLOW_TRACKING_URI: address }),
    );
    assert.equal(code, 0, stderr);
    const warnings = stderr.split("\n").filter((line) => line.startsWith("warning:"));
    assert.match(warnings[0], /The hook "mlflow" failed; the run continues: MLflow: 500 no/);
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
          /Cannot use the hook ".*none\.ts": its default export is not a function/,
        ],
        [`${folder}/nowhere.ts`, /Cannot load the hook ".*nowhere\.ts"/],
      ] as const
    ) {
      const { code, stderr } = await trainWith(folder, ["--hook", path], () => null);
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
    const { stdout, code, stderr } = await trainWith(folder, ["--hook", hook], () => null);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^10 [\d.]+$/m);
  });
});
