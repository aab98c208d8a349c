/** The emulated GPUs of this machine, for programs that are to run on one of them. @module */

import { cacheDirectory } from "../../checkpoints/hub/download.ts";
import { isFile } from "../../checkpoints/path_kinds.ts";

/** How to run Deno on an emulated GPU. */
export interface EmulatedGpu {
  /** The command that stands for `deno`. */
  readonly deno: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The lavapipe with matrix units that `.ci/fetch_lavapipe` unpacked, with the loader and the C library that it
 * needs; null if it is not there.
 */
export function newLavapipe(): EmulatedGpu | null {
  const folder = `${cacheDirectory()}/lavapipe`;
  const driver = `${folder}/usr/share/vulkan/icd.d/lvp_icd.json`;
  if (!isFile(driver)) return null;
  const libraries = `${folder}/usr/lib/${Deno.build.arch}-linux-gnu`;
  const loader = `${libraries}/ld-linux-x86-64.so.2`;
  return {
    deno: [loader, "--library-path", libraries, Deno.execPath()],
    env: { VK_DRIVER_FILES: driver },
  };
}

/** The first of these drivers that the system has. */
function driverIn(paths: readonly string[]): EmulatedGpu | null {
  const driver = paths.find(isFile);
  if (driver === undefined) return null;
  return { deno: [Deno.execPath()], env: { VK_DRIVER_FILES: driver } };
}

/** The system's lavapipe, Debian's package `mesa-vulkan-drivers`; null if it is not there. */
export function systemLavapipe(): EmulatedGpu | null {
  const name = "/usr/share/vulkan/icd.d/lvp_icd";
  return driverIn([`${name}.${Deno.build.arch}.json`, `${name}.json`]);
}

/** SwiftShader, from Debian's package `chromium`; null if it is not there. */
export function swiftShader(): EmulatedGpu | null {
  return driverIn(["/usr/lib/chromium/vk_swiftshader_icd.json"]);
}

/** The command that runs a program on an emulated GPU. */
export function commandOn(
  { deno, env }: EmulatedGpu,
  program: string,
  args: readonly string[],
): string[] {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return ["env", ...variables, ...deno, "run", "--no-prompt", "--no-lock", "-A", program, ...args];
}
