/**
 * Runs programs where Dawn finds an adapter with matrix units: on the lavapipe that `.ci/fetch_lavapipe`
 * unpacked, with the loader and the C library that it needs.
 *
 * @module
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { isCached } from "../../../../backends/webgpu/dawn/library_cache_ffi.ts";
import { newLavapipe } from "../../../../bench/webgpu/emulated_gpus.ts";
import { dawnPackage, fetchDawn } from "../../../../deps/dawn.ts";

const lavapipe = newLavapipe();

function whyNot(): string | null {
  if (lavapipe === null) return "there is no lavapipe with matrix units: .ci/fetch_lavapipe";
  if (!isCached(dawnPackage)) return `Dawn is not in the cache: ${fetchDawn}`;
  return null;
}

/** false where one is missing, with the reason on the console; an error in CI, which must have both. */
export const hasDawn: boolean = (() => {
  const reason = whyNot();
  if (reason === null) return true;
  if (Deno.env.get("CI") === "true") throw new Error(reason);
  console.warn(`Dawn is not tested: ${reason}`);
  return false;
})();

/** What a program printed and how it ended. */
export interface EndedProgram {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program `name` beside this file; an error after `seconds`. */
export async function runWithDawn(
  name: string,
  args: readonly string[],
  seconds = 600,
): Promise<EndedProgram> {
  const program = fileURLToPath(new URL(name, import.meta.url));
  const { deno: [command, ...first], env } = lavapipe!;
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args: [...first, "run", "--no-check", "--no-lock", "--no-prompt", "-A", program, ...args],
    env,
    signal: AbortSignal.timeout(seconds * 1000),
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** A test that runs such programs. */
export function dawnTest(name: string, body: () => Promise<void>): void {
  Deno.test({ name, ignore: !hasDawn, fn: body });
}

/** The one JSON document that a program printed. */
export async function resultOf<T>(name: string, args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await runWithDawn(name, args);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as T;
}
