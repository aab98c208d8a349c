import assert from "node:assert/strict";
import { findMisplaced } from "../../tools/check_tests.ts";

Deno.test("findMisplaced() lets tests of modules, of folders and of the program pass", () => {
  assert.deepEqual(
    findMisplaced([
      "core/schedules/poly.ts",
      "tests/core/schedules/poly_test.ts",
      "tests/core/schedules/poly/edges_test.ts",
      "tests/core/schedules_test.ts",
      "tests/core/_tiny.ts",
      "tests/program/kill_test.ts",
      "tests/fixtures/anything_test.ts",
      "tests/compat_test.ts",
    ]),
    [],
  );
});

Deno.test("findMisplaced() names a test without a subject, and a _ outside tests/", () => {
  assert.deepEqual(
    findMisplaced([
      "core/schedules/poly.ts",
      "core/_poly.ts",
      "tests/core/poly_test.ts",
      "tests/core/schedules/all_test.ts",
      "tests/hints_test.ts",
    ]),
    [
      'core/_poly.ts: only helpers of tests begin with "_"',
      "tests/core/poly_test.ts: there is neither core/poly.ts nor core/poly/",
      "tests/core/schedules/all_test.ts: there is neither core/schedules/all.ts nor core/schedules/all/",
      "tests/hints_test.ts: there is neither hints.ts nor hints/",
    ],
  );
});
