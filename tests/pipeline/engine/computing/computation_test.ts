import assert from "node:assert/strict";
import { latestCheckpoint, loadCheckpoint } from "../../../../checkpoints/store/store.ts";
import type { RunState } from "../../../../pipeline/engine/run_state.ts";
import { runTiny, tinyConfigOf, writeTinyFiles } from "../../../methods/_tiny_methods.ts";
import { withFolder } from "../../../tasks/_tiny.ts";

Deno.test("what a run computed with is in its checkpoints, and kept when it is resumed", async () => {
  await withFolder(async (folder) => {
    const files = await writeTinyFiles(folder);
    const configOf = (...overrides: string[]) =>
      tinyConfigOf("finetune", files, ["backend.name=cpu", "backend.threads=1", ...overrides]);
    const directory = `${folder}/run`;
    const computation = () => {
      const { state } = loadCheckpoint(latestCheckpoint(directory).checkpoint!.directory);
      return (state as unknown as RunState).computation;
    };
    // Kernels without a reduced format …
    await runTiny(await configOf("schedule.maxSteps=7", "backend.provider=wasm"), { directory });
    const first = { backend: "cpu", provider: "wasm", precision: "float32" };
    assert.deepEqual(computation(), first);
    // … are kept where faster ones would be chosen for a new run, …
    await runTiny(await configOf("schedule.maxSteps=9"), { directory });
    assert.deepEqual(computation(), first);
  });
});
