/**
 * Packs the device check for a Linux machine with a GPU, but without a network, Deno or a Vulkan loader.
 *
 *     deno task bench gpu-pack [--out gpu_check] [--webgpu deno,dawn] [--loader /usr/lib/x86_64-linux-gnu/libvulkan.so.1]
 *
 * Makes a folder with two files: `files.tar.xz` (Deno, the programs as bundles, Dawn, the loader and the golden
 * numbers) and `start.sh`, which unpacks them beside itself and runs the check; its arguments are those of
 * `mod.ts`. Nothing is written outside that folder, and nothing is downloaded. The machine has the GPU's driver,
 * `xz` or Python, and PyTorch for the comparison.
 *
 * Run it on Linux x64: it takes along the Deno that it runs on.
 *
 * @module
 */

import { dawnPackage } from "../../../deps/dawn.ts";
import { readOptions } from "../../options.ts";

/** Mebibytes that the two files may take together. */
const mostMebibytes = 60;

const { options } = readOptions({
  out: "gpu_check",
  webgpu: "deno,dawn",
  loader: "/usr/lib/x86_64-linux-gnu/libvulkan.so.1",
});
const root = new URL("../../../", import.meta.url);
const programs = ["check/mod", "pytorch", "correctness", "products", "attention"];

async function run(program: string, ...args: string[]): Promise<string> {
  // tar's compression on all cores.
  const env = { XZ_OPT: "-6 -T0" };
  const command = new Deno.Command(program, { args, env, stderr: "inherit" });
  const { success, stdout } = await command.output();
  if (!success) throw new Error(`Cannot pack the check: ${program} ${args[0]} failed`);
  return new TextDecoder().decode(stdout);
}

function pathOf(url: URL): string {
  return decodeURIComponent(url.pathname);
}

/** Dawn's package from Deno's cache, with this machine's binary alone. */
async function copyDawn(folder: string): Promise<void> {
  const { name, version } = dawnPackage;
  await run(Deno.execPath(), "cache", "--quiet", `npm:${name}@${version}`);
  const { npmCache } = JSON.parse(await run(Deno.execPath(), "info", "--json"));
  // The cache has a folder for each registry.
  const places = Array.from(
    Deno.readDirSync(npmCache),
    (registry) => `${npmCache}/${registry.name}/${name}/${version}`,
  );
  const from = places.find((place) => isThere(`${place}/package.json`));
  if (from === undefined) throw new Error(`Cannot pack Dawn: it is not below ${npmCache}`);
  const to = `${folder}/node_modules/${name}`;
  await Deno.mkdir(`${to}/dist`, { recursive: true });
  for (const file of ["package.json", "index.js", "LICENSE.md"]) {
    await Deno.copyFile(`${from}/${file}`, `${to}/${file}`);
  }
  await run("cp", "-r", `${from}/dist/linux-x64`, `${to}/dist/linux-x64`);
  // Deno then finds `npm:webgpu` there, and needs no cache.
  const dependencies = { [name]: version };
  await Deno.writeTextFile(`${folder}/package.json`, JSON.stringify({ dependencies }));
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Everything that the programs read lies where it lies in the project, seen from them. */
async function pack(folder: string): Promise<void> {
  const copy = async (path: string) => {
    const to = `${folder}/${path}`;
    await Deno.mkdir(to.slice(0, to.lastIndexOf("/")), { recursive: true });
    await run("cp", "-r", pathOf(new URL(path, root)), to);
  };
  for (const path of ["assets/vqkd_quickstart.safetensors", "tests/fixtures/parity"]) {
    await copy(path);
  }
  for (const program of programs) {
    const to = `${folder}/bench/webgpu/${program.replace("check/mod", "check")}.js`;
    const source = pathOf(new URL(`bench/webgpu/${program}.ts`, root));
    await run(Deno.execPath(), "bundle", "--quiet", "--platform", "deno", "--output", to, source);
  }
  await Deno.copyFile(
    new URL("bench/cpu/torch_peer.py", root),
    `${folder}/bench/webgpu/torch_peer.py`,
  );
  await Deno.copyFile(Deno.execPath(), `${folder}/deno`);
  if (options.webgpu.split(",").includes("dawn")) await copyDawn(folder);
  await Deno.mkdir(`${folder}/lib`);
  await Deno.copyFile(options.loader, `${folder}/lib/libvulkan.so.1`);
}

if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") {
  throw new Error(
    "Cannot pack the check: it is for Linux x64 and takes along the Deno it runs on; run it there",
  );
}
const folder = await Deno.makeTempDir();
try {
  await pack(folder);
  await Deno.mkdir(options.out, { recursive: true });
  await run("tar", "-C", folder, "-cJf", `${options.out}/files.tar.xz`, ".");
  await Deno.copyFile(new URL("start.sh", import.meta.url), `${options.out}/start.sh`);
  await Deno.chmod(`${options.out}/start.sh`, 0o755);
} finally {
  await Deno.remove(folder, { recursive: true });
}
const files = [...Deno.readDirSync(options.out)].map(({ name }) => `${options.out}/${name}`);
const bytes = files.reduce((sum, file) => sum + Deno.statSync(file).size, 0);
const mebibytes = bytes / 2 ** 20;
console.log(`${options.out}: ${mebibytes.toFixed(1)} MiB in ${files.length} files`);
if (mebibytes > mostMebibytes) {
  throw new Error(
    `Cannot pack the check in ${mostMebibytes} MiB; leave Dawn out with --webgpu deno`,
  );
}
