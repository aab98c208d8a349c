/**
 * `deno task pack`: writes `dist/mimic-VERSION.tgz`, the npm package, with the files that `publish` in
 * `deno.json` lists, and the launcher.
 *
 * @module
 */
import { dirname } from "node:path";
import project from "../../deno.json" with { type: "json" };

/** The Deno that the package brings, and that all documentation names. */
export const denoVersion = "2.9.6";

/** The most bytes that the packed package may have. */
export const mostBytes = 8e6;

const root = new URL("../../", import.meta.url);

/** The package's manifest. The project has none of its own: a `package.json` changes how Deno resolves. */
export function manifest(): Record<string, unknown> {
  return {
    name: project.name,
    version: project.version,
    description: "BEiT v2 in TypeScript: masked image modelling on WebGPU and the CPU",
    keywords: ["beit", "vision-transformer", "self-supervised", "webgpu", "deno"],
    license: project.license,
    bin: { mimic: "launcher.mjs" },
    exports: { ".": "./refuse.cjs", "./package.json": "./package.json" },
    dependencies: { deno: denoVersion },
  };
}

async function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args: [...args], cwd })
    .output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${command} ${args[0]} failed: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

/** The files that are published, as paths from the root; only what Git knows. */
export async function publishedFiles(): Promise<string[]> {
  const { include } = project.publish;
  const listed = await run("git", ["ls-files", "-z", "--", ...include], root.pathname);
  return listed.split("\0").filter((path) => path !== "");
}

/** Packs into a folder; returns the path of the package. */
export async function pack(folder: string): Promise<string> {
  const staged = await Deno.makeTempDir({ prefix: "mimic-pack-" });
  try {
    const copies = new Map((await publishedFiles()).map((path) => [path, path]));
    copies.set("launcher.mjs", "tools/npm/launcher.mjs").set("refuse.cjs", "tools/npm/refuse.cjs");
    for (const [to, from] of copies) {
      await Deno.mkdir(dirname(`${staged}/${to}`), { recursive: true });
      await Deno.copyFile(new URL(from, root), `${staged}/${to}`);
    }
    await Deno.writeTextFile(`${staged}/package.json`, JSON.stringify(manifest(), null, 2) + "\n");
    const [{ filename }] = JSON.parse(await run("npm", ["pack", "--json"], staged));
    const file = `${folder}/mimic-${project.version}.tgz`;
    await Deno.mkdir(folder, { recursive: true });
    await Deno.copyFile(`${staged}/${filename}`, file);
    const { size } = await Deno.stat(file);
    if (size > mostBytes) {
      throw new Error(`Cannot publish "${file}": ${size} bytes, and the limit is ${mostBytes}`);
    }
    return file;
  } finally {
    await Deno.remove(staged, { recursive: true });
  }
}

if (import.meta.main) {
  const file = await pack("dist");
  const { size } = await Deno.stat(file);
  console.log(
    `Wrote ${file}, ${(size / 1e6).toFixed(1)} MB; try it in any folder: npx ./${file} doctor`,
  );
}
