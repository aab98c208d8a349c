/**
 * The promise of docs/compatibility.md, held against what earlier versions wrote
 * (tests/fixtures/compat, made by tools/make_compat_fixtures.ts).
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { LogReader } from "../checkpoints/store/append_log.ts";
import { latestCheckpoint } from "../checkpoints/store/store.ts";
import { openSafetensors } from "../checkpoints/safetensors/safetensors.ts";
import { createApp } from "../cli/serve/app.ts";
import { RunLibrary } from "../cli/serve/run_library.ts";
import { type Config, tasks } from "../methods/mod.ts";
import { configHash } from "../pipeline/engine/resuming/config_hash.ts";

const main = fileURLToPath(new URL("../main.ts", import.meta.url));
const versions = ["0.1.0"];
const trainings = ["tokenizer", "pretrain", "finetune", "linear-probe", "segment"];

/** A version's fixture, which tests only read. */
function fixtureOf(version: string): string {
  return fileURLToPath(new URL(`fixtures/compat/${version}`, import.meta.url));
}

function copy(from: string, to: string): void {
  Deno.mkdirSync(to, { recursive: true });
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (isDirectory) copy(`${from}/${name}`, `${to}/${name}`);
    else Deno.copyFileSync(`${from}/${name}`, `${to}/${name}`);
  }
}

/** Runs `work` in a copy of a version's fixture. */
async function inCopy(version: string, work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "mimic-compat-" });
  try {
    copy(fixtureOf(version), folder);
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Runs mimic as a user of that folder would; without foreign functions, as the fixtures were made. */
async function mimic(folder: string, words: readonly string[]) {
  const args = ["run", "-q", "--no-check", "--allow-all", "--deny-ffi", main, ...words];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: folder,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

async function succeed(folder: string, words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await mimic(folder, words);
  assert.equal(code, 0, `mimic ${words.join(" ")}\n${stderr}`);
  return stdout;
}

// deno-lint-ignore no-explicit-any
function recordsOf(folder: string, run: string, file: string): any[] {
  return [...new LogReader(`${folder}/runs/${run}/${file}`).read()];
}

function losses(folder: string, run: string): [number, number][] {
  return recordsOf(folder, run, "metrics.jsonl").map(({ step, loss }) => [step, loss]);
}

/** The kernels that a run's numbers come from: their bits are the same wherever these words are. */
function kernels(folder: string, run: string): string {
  const notes = recordsOf(folder, run, "events.jsonl").filter(({ type }) => type === "note");
  return notes.findLast(({ message }) => message.startsWith("Computing on"))!.message;
}

function assertSameNumbers(actual: unknown, expected: unknown, isBitwise: boolean, at = ""): void {
  if (typeof expected === "number" && typeof actual === "number" && !isBitwise) {
    assert.ok(Math.abs(actual - expected) <= 1e-4 * Math.max(1, Math.abs(expected)), at);
  } else if (typeof expected === "object" && expected !== null) {
    assert.ok(typeof actual === "object" && actual !== null, at);
    for (const [key, value] of Object.entries(expected)) {
      // Of fewer than six classes, as here, the top-5 accuracy said nothing and is recorded no more.
      if (/top5$/i.test(key)) continue;
      assertSameNumbers((actual as Record<string, unknown>)[key], value, isBitwise, `${at}.${key}`);
    }
  } else {
    assert.deepEqual(actual, expected, at);
  }
}

/** Evaluations of the model by name and step; those of pictures are no part of a run's numbers. */
function evaluations(folder: string, run: string): Record<string, unknown> {
  const all = recordsOf(folder, run, "events.jsonl")
    .filter(({ type, name }) => type === "evaluation" && name !== "fixed images");
  return Object.fromEntries(all.map(({ step, name, result }) => [`${name} ${step}`, result]));
}

for (const version of versions) {
  for (const training of trainings) {
    Deno.test(`compatibility: a ${training} run of ${version} resumes to the same losses`, async () => {
      await inCopy(version, async (folder) => {
        const run = `${training}-killed`;
        const before = losses(folder, run);
        assert.ok(before.length < 16, "the fixture was interrupted");
        await succeed(folder, [training, "--resume", `runs/${run}`]);
        const isBitwise = kernels(folder, run) === kernels(fixtureOf(version), training);
        const expected = losses(fixtureOf(version), training);
        assert.equal(expected.length, 16);
        assertSameNumbers(losses(folder, run), expected, isBitwise, run);
        assert.equal(losses(folder, run).length, 16, "each step once");
        const measured = evaluations(fixtureOf(version), training);
        assertSameNumbers(evaluations(folder, run), measured, isBitwise, run);
        assert.equal(latestCheckpoint(`${folder}/runs/${run}`).checkpoint?.step, 16);
      });
    });
  }

  Deno.test(`compatibility: a run that ${version} stopped early is lengthened`, async () => {
    await inCopy(version, async (folder) => {
      await succeed(folder, ["finetune", "--resume", "runs/finetune-stopped", "--max-steps", "16"]);
      const isBitwise = kernels(folder, "finetune-stopped") === kernels(folder, "finetune");
      const expected = losses(fixtureOf(version), "finetune");
      assertSameNumbers(losses(folder, "finetune-stopped"), expected, isBitwise);
    });
  });

  Deno.test(`compatibility: a finished run of ${version} stays finished`, async () => {
    await inCopy(version, async (folder) => {
      for (const training of trainings) {
        const before = losses(folder, training);
        await succeed(folder, [training, "--resume", `runs/${training}`]);
        assert.deepEqual(losses(folder, training), before);
        const result = JSON.parse(Deno.readTextFileSync(`${folder}/runs/${training}/result.json`));
        assert.equal(result.loss, before.at(-1)![1]);
      }
    });
  });

  Deno.test(`compatibility: evaluate, predict, knn and inspect read ${version}'s files`, async () => {
    const folder = fixtureOf(version);
    const expected = JSON.parse(Deno.readTextFileSync(`${folder}/expected.json`));
    assert.ok(Object.keys(expected).length > 20);
    for (const [command, result] of Object.entries(expected)) {
      const found = JSON.parse(await succeed(folder, command.split(" ")));
      if (Array.isArray(found.tensors)) found.tensors = found.tensors.length;
      assertSameNumbers(found, result, false, command);
    }
  });

  Deno.test(`compatibility: the features of ${version}'s model are the same`, async () => {
    await inCopy(version, async (folder) => {
      const words = "data --split val --checkpoint runs/pretrain --layer 0 --token cls";
      const options = ["--out", "again.safetensors", "--backend", "cpu", "--workers", "0"];
      await succeed(folder, ["features", ...words.split(" "), ...options]);
      const [expected, found] = await Promise.all(
        ["features", "again"].map((name) => openSafetensors(`${folder}/${name}.safetensors`)),
      );
      const { data } = await expected.read("layer0.cls");
      assert.equal(data.length, 160);
      const close = (await found.read("layer0.cls")).data;
      assertSameNumbers([...close as Float32Array], [...data as Float32Array], false, "features");
      expected.close();
      found.close();
    });
  });

  Deno.test(`compatibility: a failure that ${version} kept is replayed`, async () => {
    const folder = fixtureOf(version);
    const stdout = await succeed(folder, ["replay", "runs/diverged/failures/step-2"]);
    assert.match(stdout, /The first non-finite tensor is the same/);
  });

  Deno.test(`compatibility: ${version}'s configs load, and are those of the same runs`, async () => {
    const folder = fixtureOf(version);
    const files = [
      ...Array.from(Deno.readDirSync(`${folder}/recipes`), ({ name }) => `recipes/${name}`),
      ...Array.from(Deno.readDirSync(`${folder}/runs`), ({ name }) => `runs/${name}/config.json`),
    ];
    assert.ok(files.length > 20);
    for (const file of files) {
      const { config, hash } = JSON.parse(Deno.readTextFileSync(`${folder}/${file}`));
      const parsed = tasks[(config as Config).task].schema.parse(config) as Config;
      assertSameNumbers(parsed, config, true, file);
      assert.equal(await configHash(parsed), hash, file);
    }
  });

  Deno.test(`compatibility: serve lists ${version}'s runs with their curves`, async () => {
    const library = new RunLibrary(`${fixtureOf(version)}/runs`);
    const now = () => Date.now() / 1000;
    const app = createApp({ library, host: "127.0.0.1", pollSeconds: 1, now });
    const get = async (path: string) => {
      const response = await app.request(`http://127.0.0.1:1/${path}`, {
        headers: { host: "127.0.0.1:1" },
      });
      assert.equal(response.status, 200, path);
      return await response.json();
    };
    const runs = await get("api/runs");
    // deno-lint-ignore no-explicit-any
    const listed = runs.map((run: any) => [run.id, run.step, run.status] as const);
    const stepsOf = new Map<string, number>(
      listed.map(([id, step]: [string, number]) => [id, step]),
    );
    for (const training of trainings) {
      assert.equal(stepsOf.get(training), 16);
      assert.equal(listed.find(([id]: [string]) => id === training)[2], "finished");
      const killed = `${training}-killed`;
      assert.equal(stepsOf.get(killed), losses(fixtureOf(version), killed).length);
      const curves = await get(`api/curves?run=${training}`);
      assert.equal(curves.loss.steps.length, 16);
      const config = await get(`api/config?run=${training}`);
      assert.equal(config["backend.name"].value, "cpu");
    }
  });
}
