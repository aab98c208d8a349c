import assert from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../../core/errors.ts";
import {
  type CheckpointContent,
  latestCheckpoint,
  listCheckpoints,
  loadCheckpoint,
  saveCheckpoint,
} from "../../../checkpoints/store/store.ts";

const content = (value: number): CheckpointContent => ({
  tensors: {
    model: [["w", { dtype: "F32", shape: [3], data: new Float32Array(3).fill(value) }]],
    optimizer: [["w.m", { dtype: "F32", shape: [1], data: new Float32Array([value / 2]) }]],
  },
  state: { epoch: value, nested: { 10: "b", 2: "a", list: [1.5, null, true] } },
});

async function inTempDir(work: (run: string) => Promise<void>): Promise<void> {
  const run = await Deno.makeTempDir();
  try {
    await work(run);
  } finally {
    await Deno.remove(run, { recursive: true });
  }
}

const steps = (run: string) => listCheckpoints(run).map(({ step }) => step);

async function valueOf(directory: string): Promise<number> {
  const file = await loadCheckpoint(directory).open("model");
  const { data } = await file.read("w");
  file.close();
  return data[0] as number;
}

Deno.test("saveCheckpoint() gives state and tensors back", () =>
  inTempDir(async (run) => {
    await saveCheckpoint(run, 7, content(3));
    const loaded = loadCheckpoint(latestCheckpoint(run).checkpoint!.directory);
    assert.equal(loaded.step, 7);
    assert.deepEqual(loaded.state, content(3).state);
    assert.deepEqual(loaded.groups, ["model", "optimizer"]);
    assert.equal(await valueOf(loaded.directory), 3);
    assert.throws(() => loaded.open("ema"), UserError);
    assert.deepEqual([...Deno.readDirSync(join(run, "checkpoints"))].map((e) => e.name), [
      "step-7",
    ]);
  }));

Deno.test("saveCheckpoint() replaces a checkpoint of the same step", () =>
  inTempDir(async (run) => {
    await saveCheckpoint(run, 7, content(3));
    await saveCheckpoint(run, 7, content(4));
    assert.equal(await valueOf(latestCheckpoint(run).checkpoint!.directory), 4);
  }));

Deno.test("latestCheckpoint() skips and reports broken checkpoints", () =>
  inTempDir(async (run) => {
    for (const step of [1, 2, 3, 4, 5]) await saveCheckpoint(run, step, content(step));
    const at = (step: number, file: string) => join(run, "checkpoints", `step-${step}`, file);
    const bytes = await Deno.readFile(at(5, "model.safetensors"));
    bytes[bytes.length - 1] ^= 1;
    await Deno.writeFile(at(5, "model.safetensors"), bytes);
    await Deno.truncate(at(4, "optimizer.safetensors"), 10);
    const state = await Deno.readTextFile(at(3, "state.json"));
    await Deno.writeTextFile(at(3, "state.json"), state.replace('"epoch": 3', '"epoch": 8'));
    await Deno.remove(at(2, "state.json"));
    const { checkpoint, broken } = latestCheckpoint(run);
    assert.equal(checkpoint?.step, 1);
    assert.deepEqual(broken.map(({ reason }) => reason.slice(0, 40)), [
      "model.safetensors does not match its has",
      "optimizer.safetensors has 10 bytes inste",
      "state.json does not match its hash",
      "No such file or directory (os error 2): ",
    ]);
    assert.throws(() => loadCheckpoint(join(run, "checkpoints", "step-5")), UserError);
  }));

Deno.test("latestCheckpoint() of an empty directory is undefined", () =>
  inTempDir((run) => {
    assert.deepEqual(latestCheckpoint(run), { checkpoint: undefined, broken: [] });
    return Promise.resolve();
  }));

Deno.test("saveCheckpoint() keeps the last ones and the milestones", () =>
  inTempDir(async (run) => {
    for (let step = 1; step <= 12; step++) {
      await saveCheckpoint(run, step, content(step), { keepLast: 2, keepEvery: 5 });
    }
    assert.deepEqual(steps(run), [5, 10, 11, 12]);
  }));

Deno.test("saveCheckpoint() does not count broken checkpoints among those to keep", () =>
  inTempDir(async (run) => {
    for (const step of [1, 2, 3]) await saveCheckpoint(run, step, content(step));
    await Deno.remove(join(run, "checkpoints", "step-3", "model.safetensors"));
    await saveCheckpoint(run, 4, content(4), { keepLast: 2 });
    assert.deepEqual(steps(run), [2, 4]);
  }));

Deno.test("saveCheckpoint() leaves checkpoints of later steps alone", () =>
  inTempDir(async (run) => {
    await saveCheckpoint(run, 9, content(9));
    await saveCheckpoint(run, 4, content(4), { keepLast: 1 });
    assert.deepEqual(steps(run), [4, 9]);
  }));

/** From the k-th call on, every writing system call fails, as for a process that is dead. */
function dieAfter(calls: number): { restore: () => void; hasDied: () => boolean } {
  let left = calls;
  const restores: (() => void)[] = [];
  const owners: [object, string[]][] = [
    [Deno, ["openSync", "mkdirSync", "renameSync", "removeSync"]],
    [Deno.FsFile.prototype, ["writeSync", "syncSync"]],
  ];
  for (const [owner, names] of owners) {
    for (const name of names) {
      const original = Reflect.get(owner, name) as (...args: unknown[]) => unknown;
      const replaced = function (this: unknown, ...args: unknown[]) {
        if (left-- <= 0) throw new Error("killed");
        return original.apply(this, args);
      };
      Object.defineProperty(owner, name, { value: replaced, configurable: true, writable: true });
      restores.push(() =>
        Object.defineProperty(owner, name, { value: original, configurable: true, writable: true })
      );
    }
  }
  return { restore: () => restores.forEach((restore) => restore()), hasDied: () => left < 0 };
}

for (const [what, second] of [["another step", 2], ["the same step", 1]] as const) {
  Deno.test(`a crash between any two system calls leaves a whole checkpoint, ${what}`, () =>
    inTempDir(async (parent) => {
      let deaths = 0;
      for (let calls = 0;; calls++) {
        const run = join(parent, String(calls));
        await saveCheckpoint(run, 1, content(1));
        const death = dieAfter(calls);
        let error: unknown;
        try {
          await saveCheckpoint(run, second, content(2), { keepLast: 1 });
        } catch (thrown) {
          error = thrown;
        } finally {
          death.restore();
        }
        const found = latestCheckpoint(run).checkpoint;
        assert(found, `nothing whole after ${calls} calls`);
        const value = await valueOf(found.directory);
        assert(value === 1 || value === 2);
        // The next save cleans up and works.
        await saveCheckpoint(run, 3, content(3), { keepLast: 1 });
        const names = [...Deno.readDirSync(join(run, "checkpoints"))].map((entry) => entry.name);
        assert.deepEqual(names, ["step-3"]);
        if (!death.hasDied()) break;
        deaths++;
        assert(error === undefined || error instanceof UserError);
      }
      assert(deaths > 12, `only ${deaths} calls were interrupted`);
    }));
}

Deno.test("a process killed while it saves leaves a whole checkpoint", () =>
  inTempDir(async (run) => {
    const store = new URL("../../../checkpoints/store/store.ts", import.meta.url);
    const script = `
      import { saveCheckpoint } from "${store}";
      for (let step = 1;; step++) {
        const w = { dtype: "F32", shape: [65536], data: new Float32Array(65536).fill(step) };
        await saveCheckpoint(Deno.args[0], step, { tensors: { model: [["w", w]] }, state: step },
          { keepLast: 2 });
        if (step === 3) console.log("saved");
      }`;
    const path = join(run, "save.ts");
    await Deno.writeTextFile(path, script);
    const process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", path, run],
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const reader = process.stdout.getReader();
    await reader.read();
    process.kill("SIGKILL");
    await process.status;
    await reader.cancel();
    const { checkpoint } = latestCheckpoint(run);
    assert(checkpoint && checkpoint.step >= 3);
    assert.equal(await valueOf(checkpoint.directory), checkpoint.step);
  }));

/** A folder that cannot be removed, as on a network disk where another process holds a file of it. */
async function withUnremovable(name: string, work: () => Promise<void>): Promise<void> {
  const original = Deno.removeSync;
  Deno.removeSync = (path, options) => {
    const isThere = Deno.statSync(path) !== undefined;
    if (isThere && String(path).includes(name)) {
      throw new Error("Device or resource busy (os error 16)");
    }
    original(path, options);
  };
  try {
    await work();
  } finally {
    Deno.removeSync = original;
  }
}

Deno.test("saveCheckpoint() goes on where an old checkpoint cannot be removed, and says so", () =>
  inTempDir(async (run) => {
    for (const step of [1, 2, 3]) await saveCheckpoint(run, step, content(step));
    await withUnremovable(".step-1", async () => {
      const first = await saveCheckpoint(run, 4, content(4), { keepLast: 1 });
      assert.match(first.leftOver ?? "", /resource busy/);
      // The others are gone, and the one that is in the way harms no later save.
      assert.deepEqual(steps(run), [4]);
      const next = await saveCheckpoint(run, 5, content(5), { keepLast: 1 });
      assert.equal(next.leftOver, null);
      assert.deepEqual(steps(run), [5]);
    });
    await saveCheckpoint(run, 6, content(6), { keepLast: 1 });
    const names = [...Deno.readDirSync(join(run, "checkpoints"))].map((entry) => entry.name);
    assert.deepEqual(names, ["step-6"]);
  }));

Deno.test("saveCheckpoint() reads a lazy tensor when those before it are written", () =>
  inTempDir(async (run) => {
    const file = join(run, "checkpoints", ".step-1.tmp", "model.safetensors.tmp");
    const written: number[] = [];
    const data = new Float32Array(1000).fill(2);
    const tensors = ["a", "b", "c"].map((name) => {
      const read = () => {
        written.push(Deno.statSync(file).size);
        return { dtype: "F32", shape: [1000], data } as const;
      };
      return [name, { dtype: "F32", shape: [1000], read }] as const;
    });
    await saveCheckpoint(run, 1, { tensors: { model: tensors }, state: null });
    const [header] = written;
    assert.deepEqual(written.map((size) => size - header), [0, 4000, 8000]);
  }));
