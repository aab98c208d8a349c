import assert from "node:assert/strict";
import { commands } from "../../../cli/commands/mod.ts";
import { inferenceOptions, type ModelFlagValues } from "../../../cli/parsing/model_flags.ts";

Deno.test("every command with --backend has --webgpu", () => {
  const names = (flag: string) =>
    commands.filter((command) => flag in ("flags" in command ? command.flags : {}))
      .map(({ name }) => name);
  assert.ok(names("backend").length > 10);
  assert.deepEqual(names("webgpu"), names("backend"));
});

Deno.test("--webgpu of a command that uses a model is whose WebGPU its backend runs on", () => {
  const flags = { checkpoint: "model", quiet: true, json: false, webgpu: "dawn" };
  const { options, close } = inferenceOptions(flags as ModelFlagValues);
  close();
  assert.equal(options.implementation, "dawn");
});
