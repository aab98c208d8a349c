import assert from "node:assert/strict";
import { findCircles, findViolations, type ModuleImports } from "../../tools/check_imports.ts";
import { countTests } from "../../tools/test.ts";

function module(path: string, changes: Partial<ModuleImports> = {}): ModuleImports {
  return { path, text: "", imports: [], packages: [], ...changes };
}

function importing(path: string, to: string, isType = false): ModuleImports {
  return module(path, { imports: [{ to, isType }] });
}

Deno.test("findViolations() lets the arrows of the architecture pass", () => {
  const allowed = [
    importing("models/beit.ts", "backends/backend.ts"),
    importing("methods/beit/method.ts", "checkpoints/store/store.ts"),
    importing("core/a.ts", "core/b.ts"),
    importing("configs/task.ts", "deps/zod.ts"),
    importing("report/html.ts", "pipeline/engine/events.ts", true),
    importing("cli/commands/pretrain.ts", "methods/beit/method.ts"),
    module("data/a.ts", { text: "Deno.cwd()" }),
    module("data/a.ts", { text: "\n".repeat(350) }),
    module("backends/cpu/blas_ffi.ts", { text: "Deno.dlopen()" }),
    module("models/a.ts", { text: '/** Deno.cwd() */ const a = "Deno.cwd()"; // Deno.cwd()' }),
    module("deps/zod.ts", { packages: ["npm:zod@4.6.7"] }),
    module("backends/tfjs/engine.ts", { text: "const own = tf.engine();" }),
    module("backends/ops/a.ts", { text: 'tf.add(a, b); "tf.engine()"; // tf.engine()' }),
  ];
  assert.deepEqual(findViolations(allowed), []);
});

Deno.test("findViolations() names each file against them", () => {
  const forbidden: [ModuleImports, RegExp][] = [
    [importing("models/beit.ts", "pipeline/stage.ts"), /^models\/beit\.ts: "models" must not/],
    [importing("core/a.ts", "backends/backend.ts"), /"core" must not import "backends/],
    [importing("report/html.ts", "pipeline/engine/events.ts"), /"report" must not import/],
    [importing("tasks/a.ts", "cli/screen/style.ts"), /"tasks" must not import "cli/],
    [importing("extra/a.ts", "core/errors.ts"), /unknown folder "extra"/],
    [module("models/a.ts", { text: "const d = Deno.cwd();" }), /uses Deno outside/],
    [module("models/a.ts", { text: "tf.engine().startScope();" }), /models\/a\.ts: reaches into/],
    [module("backends/webgpu/a.ts", { text: "tf.registerBackend(name, make)" }), /reaches into/],
    [module("backends/webgpu/a.ts", { text: "internals.tensorMap.get(id)" }), /reaches into tfjs/],
    [module("core/a.ts", { text: "\n".repeat(351) }), /has 351 lines, more than 350/],
    [module("core/a.ts", { packages: ["npm:zod@4.6.7"] }), /names "npm:zod@4\.6\.7" outside deps/],
  ];
  for (const [found, wanted] of forbidden) {
    const violations = findViolations([found]);
    assert.equal(violations.length, 1);
    assert.match(violations[0], wanted);
  }
});

Deno.test("findCircles() names modules that import each other, if only their types", () => {
  const modules = [
    importing("core/a.ts", "core/b.ts"),
    importing("core/b.ts", "core/c.ts", true),
    module("core/c.ts", {
      imports: [{ to: "core/a.ts", isType: true }, { to: "core/d.ts", isType: false }],
    }),
    importing("core/d.ts", "core/e.ts"),
    module("core/e.ts"),
    importing("data/self.ts", "data/self.ts"),
    importing("data/y.ts", "data/x.ts"),
    importing("data/x.ts", "data/y.ts"),
  ];
  assert.deepEqual(findCircles(modules), [
    ["core/a.ts", "core/b.ts", "core/c.ts"],
    ["data/self.ts"],
    ["data/x.ts", "data/y.ts"],
  ]);
  assert.deepEqual(findCircles(modules.slice(3, 5)), []);
});

Deno.test("countTests() reads the line that `deno test` ends with", () => {
  const failed =
    "x\n\x1b[31mFAILED\x1b[0m | 37 passed | 5 failed | 2 ignored \x1b[38m(1s)\x1b[0m\n";
  assert.deepEqual(countTests(failed), { passed: 37, failed: 5 });
  assert.deepEqual(countTests("ok | 3 passed (2 steps) | 0 failed (1s)"), { passed: 3, failed: 0 });
  assert.equal(countTests("error: no"), null);
});
