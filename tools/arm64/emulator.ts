/**
 * An arm64 Linux that runs Deno on another processor: QEMU's user mode, Deno's npm package for arm64, and
 * Debian's C libraries for arm64, unpacked in a folder.
 *
 * @module
 */

import { UserError } from "../../core/errors.ts";

const emulator = "qemu-aarch64";

/** Runs a command, shows what it says, and fails as it does. */
async function run(command: string, args: readonly string[], cwd?: string): Promise<void> {
  const child = new Deno.Command(command, { args: [...args], stdout: "inherit", cwd }).spawn();
  const { code } = await child.status;
  if (code !== 0) {
    throw new UserError(`Cannot prepare an arm64 system: ${command} ended with ${code}`);
  }
}

/** Whether a command can be started. */
async function isThere(command: string): Promise<boolean> {
  try {
    await new Deno.Command(command, { args: ["--version"], stdout: "null", stderr: "null" })
      .output();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The C libraries, from the package sources of this Debian but with lists of their own. */
async function fetchLibraries(folder: string, root: string): Promise<void> {
  const own = {
    "APT::Architecture": "arm64",
    "APT::Architectures::": "arm64",
    "Dir::State::lists": `${folder}/lists`,
    "Dir::State::status": "/dev/null",
    "Dir::Cache": `${folder}/cache`,
    "APT::Sandbox::User": "root",
  };
  const options = Object.entries(own).flatMap(([key, value]) => ["-o", `${key}=${value}`]);
  for (const part of ["lists", "cache/archives"]) {
    await Deno.mkdir(`${folder}/${part}/partial`, { recursive: true });
  }
  await run("apt-get", [...options, "-qq", "update"]);
  await run("apt-get", [...options, "-qq", "download", "libc6", "libgcc-s1"], folder);
  for (const { name } of Deno.readDirSync(folder)) {
    if (name.endsWith(".deb")) await run("dpkg-deb", ["-x", `${folder}/${name}`, root]);
  }
}

/** Deno for arm64, of the version that runs this. */
async function fetchDeno(folder: string): Promise<void> {
  const name = `@deno/linux-arm64-glibc@${Deno.version.deno}`;
  await run("npm", ["pack", "--silent", name], folder);
  const file = [...Deno.readDirSync(folder)].find(({ name }) => name.endsWith(".tgz"));
  await run("tar", ["-xzf", `${folder}/${file?.name}`, "-C", folder]);
}

/**
 * The command that starts Deno for arm64, whose parts are fetched to `folder` the first time.
 *
 * @throws UserError if QEMU is not installed, or something cannot be fetched
 */
export async function arm64Deno(folder: string): Promise<string[]> {
  if (!await isThere(emulator)) {
    throw new UserError(`Cannot check arm64: expected ${emulator}, found nothing of that name`, {
      hint: "apt-get install qemu-user",
    });
  }
  const [root, deno] = [`${folder}/root`, `${folder}/package/deno`];
  const complete = `${folder}/complete`;
  try {
    await Deno.stat(complete);
  } catch {
    await Deno.mkdir(root, { recursive: true });
    await fetchLibraries(folder, root);
    await fetchDeno(folder);
    await Deno.writeTextFile(complete, "");
  }
  return [emulator, "-L", root, deno];
}
