import assert from "node:assert/strict";
import { createApp, isOwnHost } from "../../../cli/serve/app.ts";
import { RunLibrary } from "../../../cli/serve/run_library.ts";
import { formatMetric } from "../../../core/metric_names.ts";
import { withFolder } from "../../data/_trees.ts";
import { appendStep, writeRun } from "./_runs.ts";

function appOf(root: string, host = "127.0.0.1") {
  let time = Date.now() / 1000;
  const app = createApp({
    library: new RunLibrary(root),
    host,
    pollSeconds: 1,
    now: () => time += 10,
  });
  const get = async (path: string, headers: Record<string, string> = {}) =>
    await app.request(`http://127.0.0.1:1/${path}`, {
      headers: { host: "127.0.0.1:1", ...headers },
    });
  return { app, get, json: async (path: string) => await (await get(path)).json() };
}

Deno.test("serve: runs, their curves and configs", async () => {
  await withFolder(async (root) => {
    writeRun(`${root}/a`, { steps: 30, lr: 1e-3 });
    writeRun(`${root}/deep/b c`, { steps: 20, lr: 2e-3, done: false });
    const { json, get } = appOf(root);
    const runs = await json("api/runs");
    const byId = Object.fromEntries(
      // deno-lint-ignore no-explicit-any
      runs.map((run: any) => [run.id, run]),
    );
    assert.deepEqual(Object.keys(byId).sort(), ["a", "deep/b c"]);
    assert.deepEqual(
      [byId.a.status, byId.a.step, byId.a.totalSteps, byId["deep/b c"].status],
      ["finished", 30, 30, "running"],
    );
    const { method, result, duration, device, begun, loss } = byId.a;
    assert.deepEqual({ method, result, duration, device, begun, loss }, {
      method: "pretraining",
      result: { name: "k-NN", text: "15.0 %" },
      duration: "29 s",
      device: "cpu: made up",
      begun: 1,
      loss: formatMetric("loss", 5 * Math.exp(-30 * 1e-3 * 20) + 1),
    });
    const curves = await json("api/curves?run=deep%2Fb%20c");
    const { label, unit } = curves["evaluation/features/knnTop1"];
    assert.deepEqual([label, unit], ["k-NN, this model", "share"]);
    assert.deepEqual(curves.loss.steps, Array.from({ length: 20 }, (_, i) => i + 1));
    assert.ok(!curves.gradNorm.steps.includes(7) && curves.skipped.high[6] === 1);
    assert.deepEqual(curves["evaluation/features/knnTop1"].mean, [0.05, 0.1]);
    const config = await json("api/config?run=a");
    assert.deepEqual(config["optimizer.lr"], { value: "0.001", origin: "--set optimizer.lr" });
    const report = await get("report?run=a");
    assert.match(await report.text(), /its report/);
    const policy = report.headers.get("content-security-policy")!;
    assert.ok(policy.includes("default-src 'none'") && !policy.includes("script-src"));
  });
});

Deno.test("serve: a run that --max-steps stopped is not finished, of today's runs and of older ones", async () => {
  await withFolder(async (root) => {
    writeRun(`${root}/new`, { steps: 20, lr: 1e-3, scheduleSteps: 100 });
    writeRun(`${root}/old`, { steps: 20, lr: 1e-3 });
    const path = `${root}/old/events.jsonl`;
    Deno.writeTextFileSync(path, Deno.readTextFileSync(path).replace('"scheduleSteps":20,', ""));
    const schedule = { steps: 100, maxSteps: 20 };
    const config = { task: "pretrain", schedule };
    Deno.writeTextFileSync(`${root}/old/config.json`, JSON.stringify({ config, origins: {} }));
    const runs = await appOf(root).json("api/runs");
    // deno-lint-ignore no-explicit-any
    assert.deepEqual(runs.map(({ status }: any) => status), ["cut", "cut"]);
  });
});

Deno.test({
  name: "serve: a report, a log or a config that is a link is not followed",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await withFolder(async (root) => {
      await Deno.writeTextFile(`${root}/secret.html`, "the secret");
      writeRun(`${root}/secret`, { steps: 4, lr: 9e-3 });
      writeRun(`${root}/runs/a`, { steps: 2, lr: 1e-3 });
      const app = appOf(`${root}/runs`);
      const link = async (name: string, to: string) => {
        await Deno.remove(`${root}/runs/a/${name}`);
        await Deno.symlink(`${root}/${to}`, `${root}/runs/a/${name}`);
      };
      await link("report.html", "secret.html");
      await link("config.json", "secret/config.json");
      await link("metrics.jsonl", "secret/metrics.jsonl");
      const [run] = await app.json("api/runs");
      assert.deepEqual([run.hasReport, run.step, run.task], [false, 0, "unknown"]);
      const report = await app.get("report?run=a");
      assert.equal(report.status, 404);
      assert.ok(!(await report.text()).includes("secret"));
      assert.deepEqual(await app.json("api/config?run=a"), {});
      assert.deepEqual(await app.json("api/curves?run=a"), {});
    });
  },
});

Deno.test("serve: half-written, foreign and vanishing files are no error", async () => {
  await withFolder(async (root) => {
    writeRun(`${root}/a`, { steps: 5, lr: 1e-3 });
    writeRun(`${root}/b`, { steps: 5, lr: 1e-3 });
    await Deno.writeTextFile(`${root}/a/metrics.jsonl`, '{"step":6,"lo', { append: true });
    await Deno.writeTextFile(`${root}/b/metrics.jsonl`, "no json\n[1]\nnull\n{}\n", {
      append: true,
    });
    await Deno.writeTextFile(`${root}/b/config.json`, '{"config":{"ta');
    Deno.mkdirSync(`${root}/c/metrics.jsonl`, { recursive: true });
    const { json, get } = appOf(root);
    // deno-lint-ignore no-explicit-any
    const steps = async () => (await json("api/runs")).map(({ id, step }: any) => `${id} ${step}`);
    assert.deepEqual((await steps()).sort(), ["a 5", "b 5"]);
    await Deno.writeTextFile(`${root}/a/metrics.jsonl`, 'ss":1}\n', { append: true });
    assert.deepEqual((await steps()).sort(), ["a 6", "b 5"]);
    assert.deepEqual(await json("api/config?run=b"), {});
    // A resume goes back to a checkpoint, and another run takes the same steps.
    writeRun(`${root}/a`, { steps: 3, lr: 9e-3, done: false });
    for (const step of [4, 5, 6, 7]) appendStep(`${root}/a`, step, 9e-3);
    await steps();
    const { loss, learningRate } = await json("api/curves?run=a");
    assert.deepEqual(loss.steps, [1, 2, 3, 4, 5, 6, 7]);
    assert.deepEqual(new Set(learningRate.high), new Set([9e-3]));
    await Deno.remove(`${root}/a`, { recursive: true });
    assert.deepEqual(await steps(), ["b 5"]);
    assert.equal((await get("api/curves?run=a")).status, 404);
  });
});

Deno.test("serve: other names of the host, other methods and paths of a request are refused", async () => {
  await withFolder(async (root) => {
    await Deno.writeTextFile(`${root}/secret.txt`, "secret");
    writeRun(`${root}/runs/a`, { steps: 2, lr: 1e-3 });
    const { app, get } = appOf(`${root}/runs`);
    await get("api/runs");
    assert.equal((await get("api/runs", { host: "evil.example" })).status, 403);
    assert.equal((await get("api/runs", { host: "localhost.evil.example:80" })).status, 403);
    assert.equal((await get("api/runs", { host: "localhost:5" })).status, 200);
    const headers = { host: "127.0.0.1" };
    const posted = await app.request("http://127.0.0.1/api/runs", { method: "POST", headers });
    assert.equal(posted.status, 405);
    for (
      const id of [
        "..",
        "../",
        "../secret.txt",
        "a/..",
        "%2e%2e",
        "/etc",
        "a/checkpoints/../../..",
        "",
      ]
    ) {
      for (const route of ["api/curves", "api/config", "report"]) {
        const response = await get(`${route}?run=${encodeURIComponent(id)}`);
        assert.equal(response.status, 404, `${route} of "${id}"`);
        await response.body?.cancel();
      }
    }
    assert.equal((await get("../secret.txt")).status, 404);
    // A link out of the folder is not followed.
    if (Deno.build.os !== "windows") {
      await Deno.mkdir(`${root}/other`);
      writeRun(`${root}/other/x`, { steps: 2, lr: 1e-3 });
      await Deno.symlink(`${root}/other`, `${root}/runs/link`);
      const list = await (await get("api/runs")).json();
      // deno-lint-ignore no-explicit-any
      assert.deepEqual(list.map(({ id }: any) => id), ["a"]);
    }
  });
  assert.ok(isOwnHost("192.168.1.4:6007", "0.0.0.0") && isOwnHost("[::1]:6007", "127.0.0.1"));
  assert.ok(isOwnHost("box.lan:6007", "box.lan") && !isOwnHost("box.lan", "0.0.0.0"));
  assert.ok(!isOwnHost(undefined, "127.0.0.1") && !isOwnHost("127.0.0.1.evil.example", "::"));
});

Deno.test("serve: events come when something changes, and stop with the reader", async () => {
  await withFolder(async (root) => {
    writeRun(`${root}/a`, { steps: 2, lr: 1e-3, done: false });
    const library = new RunLibrary(root);
    const app = createApp({
      library,
      host: "127.0.0.1",
      pollSeconds: 0.02,
      now: () => Date.now() / 1000,
    });
    const response = await app.request("http://127.0.0.1/events", {
      headers: { host: "127.0.0.1" },
    });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    const until = async (text: string) => {
      let seen = "";
      while (!seen.includes(text)) seen += (await reader.read()).value;
      return seen;
    };
    assert.match(await until('"step":2'), /^event: runs\ndata: \[/);
    await until(": still here");
    appendStep(`${root}/a`, 3, 1e-3);
    await until('"step":3');
    await reader.cancel();
  });
});
