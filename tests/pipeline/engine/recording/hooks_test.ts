import assert from "node:assert/strict";
import type { RunEvent } from "../../../../pipeline/engine/events.ts";
import { Hooks } from "../../../../pipeline/engine/recording/hooks.ts";

const note = (message: string): RunEvent => ({ type: "note", message });

Deno.test("Hooks: an error is one warning, other hooks and later events are served", async () => {
  const warnings: string[] = [];
  const seen: string[] = [];
  const hooks: Hooks = new Hooks([
    function broken() {
      throw new Error("no server");
    },
    (event) => {
      seen.push(event.type);
    },
    async (event) => {
      await Promise.resolve();
      if (event.type === "done") throw new Error("late");
    },
  ], (message) => {
    warnings.push(message);
    // As a run does: the warning is an event too.
    hooks.dispatch({ type: "warning", kind: "hook", message });
  });
  hooks.dispatch(note("one"));
  hooks.dispatch({ type: "done", step: 1, interrupted: false });
  await hooks.settle();
  assert.deepEqual(seen, ["warning", "note", "done", "warning", "warning"]);
  assert.deepEqual(warnings, [
    'The hook "broken" failed; the run continues: no server',
    "The hook 3 failed; the run continues: late",
    'The hook "broken" failed 4 times',
  ]);
});

Deno.test("Hooks: the end of a run waits for them, but not for ever", async () => {
  const warnings: string[] = [];
  let finish = () => {};
  const hooks = new Hooks([
    () => new Promise<void>((resolve) => finish = resolve),
  ], (message) => warnings.push(message));
  hooks.dispatch(note("one"));
  await hooks.settle(0.01);
  assert.deepEqual(warnings, ["The hook 1 had not finished 0.01 s after the run: 1 events lost"]);
  finish();
});
