import assert from "node:assert/strict";
import { latestCheckpoint } from "../../../checkpoints/store/store.ts";
import { UserError } from "../../../core/errors.ts";
import type { RunEvent } from "../../../pipeline/engine/events.ts";
import { withFolder } from "../../tasks/_tiny.ts";
import {
  copyRun,
  eventsIn,
  lossesIn,
  resultIn,
  runTiny,
  tasks,
  tensorBoardIn,
  tinyConfigOf,
  writeTinyFiles,
} from "../../methods/_tiny_methods.ts";

const withoutPlace = (result: Record<string, unknown>) => ({ ...result, directory: null });

for (const task of tasks) {
  Deno.test(`${task}: a kill at any checkpoint or evaluation loses and repeats nothing`, async () => {
    await withFolder(async (folder, backend) => {
      const config = await tinyConfigOf(task, await writeTinyFiles(folder));
      const whole = `${folder}/whole`;
      const copies: { directory: string; saved: number }[] = [];
      let saved = 0;
      const result = await runTiny(config, {
        backend,
        directory: whole,
        listener(event) {
          if (event.type === "checkpoint") saved = event.step;
          if (event.type !== "checkpoint" && event.type !== "evaluation") return;
          const directory = `${folder}/killed-${copies.length}`;
          copyRun(whole, directory);
          copies.push({ directory, saved });
        },
      });
      assert.deepEqual(withoutPlace(resultIn(whole)), withoutPlace({ ...result }));
      assert.equal(result.scheduleSteps, 12);
      assert.ok(typeof result.loss === "number");
      assert.ok(copies.length >= 3);
      assert.ok(tensorBoardIn(whole).length >= 12);
      for (const { directory, saved } of copies) {
        const steps: number[] = [];
        const again = await runTiny(config, {
          backend,
          directory,
          listener: (event) => {
            if (event.type === "step") steps.push(event.metrics.step);
          },
        });
        assert.equal(steps[0] ?? 13, saved + 1, `${directory}: just what is left`);
        assert.deepEqual(withoutPlace(again), withoutPlace({ ...result }), directory);
        assert.deepEqual(withoutPlace(resultIn(directory)), withoutPlace(resultIn(whole)));
        assert.deepEqual(lossesIn(directory), lossesIn(whole), directory);
        assert.deepEqual(eventsIn(directory), eventsIn(whole), directory);
        assert.deepEqual(tensorBoardIn(directory), tensorBoardIn(whole), directory);
      }
      // Finished now: refused, or its result again, with no step and no evaluation.
      await assert.rejects(
        runTiny(config, { backend, directory: whole }),
        /contains a finished run/,
      );
      const events: RunEvent["type"][] = [];
      const listener = ({ type }: RunEvent) => void events.push(type);
      const asked = await runTiny(config, {
        backend,
        directory: whole,
        resume: "always",
        listener,
      });
      assert.deepEqual(withoutPlace(asked), withoutPlace({ ...result }));
      assert.ok(!events.includes("step") && !events.includes("evaluation"), events.join());
    });
  });
}

Deno.test("a run that max-steps cuts short says so, is no finished one, and goes on", async () => {
  await withFolder(async (folder, backend) => {
    const files = await writeTinyFiles(folder);
    const directory = `${folder}/run`;
    const done: RunEvent[] = [];
    const listener = (event: RunEvent) => {
      if (event.type === "done") done.push(event);
    };
    const cut = await tinyConfigOf("finetune", files, ["schedule.maxSteps=7"]);
    const { step, scheduleSteps, interrupted } = await runTiny(cut, {
      backend,
      directory,
      listener,
    });
    assert.deepEqual([step, scheduleSteps, interrupted], [7, 12, false]);
    assert.deepEqual(done, [
      { type: "done", step: 7, interrupted: false, scheduleSteps: 12, stoppedEarly: null },
    ]);
    assert.equal(resultIn(directory).scheduleSteps, 12);
    const again = await runTiny(cut, { backend, directory });
    assert.equal(again.loss, resultIn(directory).loss, "the loss is known though no step was run");
    const whole = await runTiny(await tinyConfigOf("finetune", files), { backend, directory });
    assert.equal(whole.step, 12);
  });
});

Deno.test("where no checkpoint can be read, nothing is begun anew and no log emptied", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyConfigOf("finetune", await writeTinyFiles(folder), [
      "schedule.maxSteps=7",
    ]);
    const directory = `${folder}/run`;
    await runTiny(config, { backend, directory });
    const losses = lossesIn(directory);
    for (const { name } of Deno.readDirSync(`${directory}/checkpoints`)) {
      Deno.writeTextFileSync(`${directory}/checkpoints/${name}/model.safetensors`, "no");
    }
    for (const resume of ["auto", "always"] as const) {
      await assert.rejects(runTiny(config, { backend, directory, resume }), (error) => {
        assert.ok(error instanceof UserError);
        assert.match(error.message, /none of its checkpoints can be read .*step-7.*another --out/);
        return true;
      });
    }
    assert.deepEqual(lossesIn(directory), losses);
  });
});

Deno.test("a run directory that is deleted or moved in mid-run is an error", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyConfigOf("pretrain", await writeTinyFiles(folder));
    for (const lose of ["remove", "rename"] as const) {
      const directory = `${folder}/${lose}`;
      const run = runTiny(config, {
        backend,
        directory,
        listener(event) {
          if (event.type !== "step" || event.metrics.step !== 7) return;
          if (lose === "remove") Deno.removeSync(directory, { recursive: true });
          else Deno.renameSync(directory, `${directory}-away`);
        },
      });
      await assert.rejects(run, (error) => {
        assert.ok(error instanceof UserError, `${error}`);
        assert.match(error.message, /was deleted or moved while it was running/);
        return true;
      });
    }
  });
});

Deno.test("logs that are gone are said to be, on resume and in mid-run", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyConfigOf("pretrain", await writeTinyFiles(folder));
    const directory = `${folder}/run`;
    const warnings: string[] = [];
    const stop = new AbortController();
    const listener = (event: RunEvent) => {
      if (event.type === "warning") warnings.push(event.message);
      if (event.type === "step" && event.metrics.step === 6) stop.abort();
    };
    await runTiny(config, { backend, directory, listener, signal: stop.signal });
    assert.deepEqual(warnings, []);
    Deno.removeSync(`${directory}/metrics.jsonl`);
    await runTiny(config, {
      backend,
      directory,
      listener(event) {
        listener(event);
        if (event.type === "step" && event.metrics.step === 9) {
          Deno.removeSync(`${directory}/events.jsonl`);
        }
      },
    });
    assert.match(warnings.join("\n"), /^metrics\.jsonl is gone: .*events\.jsonl is gone: /s);
    assert.equal(warnings.length, 2, "each once");
  });
});

Deno.test("a micro-batch that was chosen is kept, whatever memory there is on resume", async () => {
  await withFolder(async (folder, backend) => {
    const files = await writeTinyFiles(folder);
    const directory = `${folder}/run`;
    const run = async (overrides: string[], memoryBudgetBytes: number) => {
      const used: number[] = [];
      const config = await tinyConfigOf("finetune", files, ["batchSize=12", ...overrides]);
      await runTiny(config, {
        backend,
        directory,
        memoryBudgetBytes,
        onMicroBatch: (images) => void used.push(images),
      });
      return used;
    };
    const [first] = await run(["schedule.maxSteps=2"], 4e5);
    assert.ok(first < 12, `${first}`);
    assert.deepEqual(await run(["schedule.maxSteps=4"], 1e12), [first]);
    assert.deepEqual(
      await run(["schedule.maxSteps=6", "microBatchSize=4"], 1e12),
      [4],
      "asked for",
    );
  });
});

Deno.test("a run of another config names the keys that differ", async () => {
  await withFolder(async (folder, backend) => {
    const files = await writeTinyFiles(folder);
    const directory = `${folder}/run`;
    const short = ["schedule.maxSteps=2"];
    await runTiny(await tinyConfigOf("finetune", files, short), { backend, directory });
    const other = await tinyConfigOf("finetune", files, [...short, "optimizer.lr=1e-5", "seed=3"]);
    await assert.rejects(
      runTiny(other, { backend, directory }),
      /another config: optimizer\.lr \(0\.\d+, now 0\.00001\), seed \(0, now 3\); choose another/,
    );
  });
});

Deno.test("the config's output is where a program's run is kept", async () => {
  await withFolder(async (folder, backend) => {
    const output = `${folder}/kept`;
    const config = await tinyConfigOf("pretrain", await writeTinyFiles(folder), [
      "schedule.maxSteps=1",
      `output=${output}`,
    ]);
    const { directory } = await runTiny(config, { backend });
    assert.equal(directory, output);
    assert.equal(latestCheckpoint(output).checkpoint?.step, 1);
    assert.equal((await runTiny(config, { backend, directory: null })).directory, null);
  });
});
