/**
 * Checks the CPU backend on an emulated arm64 processor, such as Apple's and Amazon's: all ops of the
 * WebAssembly kernels and some training steps, compared with this machine. Takes minutes.
 *
 *     deno task check:arm64
 *
 * Needs Debian with `qemu-user`, and npm.
 *
 * @module
 */

import { cacheDirectory } from "../../checkpoints/hub/download.ts";
import { UserError } from "../../core/errors.ts";
import { findDifferences, type Found } from "./compare.ts";
import { arm64Deno } from "./emulator.ts";

const program = decodeURIComponent(new URL("self_test_program.ts", import.meta.url).pathname);
const lock = decodeURIComponent(new URL("../../main.lock", import.meta.url).pathname);

/** Runs the self-test with a Deno. */
async function selfTestOf([command, ...args]: readonly string[]): Promise<Found> {
  // Code that V8 has compiled for one processor is nothing to the other.
  const own = ["run", "-A", "--quiet", "--no-check", "--no-code-cache", `--lock=${lock}`, program];
  const { success, stdout } = await new Deno.Command(command, {
    args: [...args, ...own],
    stderr: "inherit",
  }).output();
  if (!success) throw new UserError(`Cannot check arm64: the self-test failed with ${command}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

try {
  const emulated = await arm64Deno(`${cacheDirectory()}/arm64-${Deno.version.deno}`);
  const here = await selfTestOf([Deno.execPath()]);
  const arm64 = await selfTestOf(emulated);
  console.log(`${arm64.architecture}: ${arm64.kernels}`);
  console.log(`${arm64.passed} ops are right, losses ${arm64.losses.join(", ")}`);
  console.log(`${here.architecture}: losses ${here.losses.join(", ")}`);
  const wrong = findDifferences(arm64, here);
  for (const line of wrong) console.error(line);
  Deno.exit(wrong.length === 0 ? 0 : 1);
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(error.message);
  Deno.exit(2);
}
