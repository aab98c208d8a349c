import assert from "node:assert/strict";
import { withBackend } from "../../../bench/parity/_backends.ts";
import { pretrain } from "../../../../methods/beit/method.ts";
import { tinyConfig, withFolder, writeTinyTokenizer } from "../../../tasks/_tiny.ts";

interface TraceEvent {
  name: string;
  ph: string;
  tid: number;
  ts?: number;
  dur?: number;
  args?: { name: string };
}

type Profiled = "reference" | "cpu" | "webgpu";

/** The notes of a profiled run of twelve tiny steps in a folder. */
async function runProfiled(
  name: Profiled,
  folder: string,
  changes: string[] = [],
): Promise<string[]> {
  const config = await tinyConfig(await writeTinyTokenizer(folder), [
    "precision=float32",
    ...changes,
  ]);
  const notes: string[] = [];
  await withBackend(name, async (backend) => {
    await pretrain(config, {
      backend,
      directory: `${folder}/run`,
      profiles: true,
      listener: (event) => {
        if (event.type === "note") notes.push(event.message);
      },
    });
  });
  return notes;
}

/** What the directory of such a run says. */
async function profileOn(name: Profiled, changes: string[] = []) {
  let found: { text: string; events: TraceEvent[]; notes: string[] } | undefined;
  await withFolder(async (folder) => {
    const notes = await runProfiled(name, folder, changes);
    const text = await Deno.readTextFile(`${folder}/run/profile.txt`);
    const trace = JSON.parse(await Deno.readTextFile(`${folder}/run/trace.json`));
    found = { text, events: trace.traceEvents, notes };
  });
  return found!;
}

const kernelsOf = {
  cpu: ["pack + gemm", "attention", "attentionBackward + columnSums", "adamW"],
  webgpu: ["matrix_product", "attention", "linear_backward", "adam_w"],
};

for (const name of ["cpu", "webgpu"] as const) {
  Deno.test(`a profile has times of stages and of kernels on ${name}`, async () => {
    const { text, events, notes } = await profileOn(name);
    assert.match(text, /^Steps 3 to 7 on /);
    assert.ok(notes.some((note) => note.includes("profile.txt") && note.includes(text)));
    const spans = events.filter(({ ph }) => ph === "X");
    for (const { name, ts, dur } of spans) assert.ok(ts! >= 0 && dur! >= 0, `${name} ${ts} ${dur}`);
    const on = (tid: number) => spans.filter((span) => span.tid === tid).map(({ name }) => name);
    for (const stage of ["tokenize", "encode", "loss", "optimize"]) {
      assert.equal(on(1).filter((span) => span === stage).length, 5, stage);
      assert.match(text, new RegExp(`^${stage} +[\\d.]+ +[\\d.]+ % +1$`, "m"));
    }
    for (const kernel of kernelsOf[name]) {
      assert.ok(on(2).includes(kernel), `${kernel} is not among ${[...new Set(on(2))]}`);
      const line = kernel.replace("+", "\\+");
      assert.match(text, new RegExp(`^${line} +[\\d.]+ +[\\d.]+ % +[\\d.]+$`, "m"));
    }
  });
}

Deno.test("a profile says why it has no kernels", async () => {
  const { text, events } = await profileOn("reference");
  assert.match(text, /No kernel times: the backend does not time kernels/);
  assert.ok(events.every(({ tid, ph }) => ph === "M" || tid === 1));
});

Deno.test("a run that ends early is profiled as far as it went", async () => {
  const { text } = await profileOn("reference", ["schedule.maxSteps=4"]);
  assert.match(text, /^Steps 3 to 4 on /);
});

Deno.test("a run too short for a profile says so", async () => {
  await withFolder(async (folder) => {
    const notes = await runProfiled("reference", folder, ["schedule.maxSteps=2"]);
    assert.ok(notes.includes("No profile: the first 2 steps are skipped"));
  });
});
