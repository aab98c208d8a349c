import assert from "node:assert/strict";
import { timeInTurns } from "../../core/time_in_turns.ts";

/** A clock that stands still but for what the work adds. */
function work() {
  const state = { now: 0, order: "" };
  const alternative = (name: string, seconds: readonly number[]) => {
    let turn = 0;
    return () => {
      state.order += name;
      state.now += seconds[turn++ % seconds.length];
    };
  };
  return { state, alternative, clock: () => state.now };
}

Deno.test("alternatives take turns, and interruptions do not count", () => {
  const { state, alternative, clock } = work();
  const times = timeInTurns(
    [alternative("a", [9, 2, 30, 2, 40, 3, 50, 2, 60]), alternative("b", [9, 3])],
    { turns: 8, clock },
  );
  assert.deepEqual(times, [2, 3]);
  assert.equal(state.order, "ab".repeat(9));
});

Deno.test("slow alternatives get fewer turns", () => {
  const { state, alternative, clock } = work();
  timeInTurns([alternative("a", [10])], { turns: 100, enoughSeconds: 5, clock });
  assert.equal(state.order, "a".repeat(7));
});
