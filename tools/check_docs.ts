/**
 * Checks the documentation of what users import: `deno doc --lint` on the entry points of `deno.json`.
 * Every public member has a comment, and every type that one names is public too.
 *
 * Run by `deno task test`; alone: `deno task check:docs`.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

/** An error of `deno doc --lint`. */
export interface DocError {
  /** `missing-jsdoc`, `private-type-ref`, … */
  readonly code: string;
  readonly message: string;
  /** The file, and the position in it. */
  readonly path: string;
  readonly place: string;
}

/** Reads the errors from what `deno doc --lint` prints without colours. */
export function readDocErrors(output: string): DocError[] {
  const errors = output.matchAll(/^error\[([\w-]+)\]: (.*)\n\s*--> (.*?)((?::\d+)*)$/gm);
  return Array.from(errors, ([, code, message, path, place]) => ({ code, message, path, place }));
}

/**
 * Whether an error concerns our own code, as opposed to what is not ours to document:
 *
 * - declarations from npm packages: `Tensor` and `tf` are tfjs';
 * - the namespace `tf`, for which deno_doc does not see the comment of a re-export;
 * - config types, which zod infers from schemas: each key is described there and in docs/reference.
 *
 * @param root the project's folder, with a slash at its end
 */
export function isOurs({ code, message, path }: DocError, root: string): boolean {
  if (!path.startsWith(root)) return false;
  const file = path.slice(root.length);
  if (file === "deps/tfjs.ts") return code !== "missing-jsdoc";
  if (code !== "private-type-ref" || !/^(configs|methods)\//.test(file)) return true;
  return !/references private type '(output|ZodType|interpolation|methods|\w+(Schema|Section))'$/
    .test(message);
}

if (import.meta.main) {
  const root = fileURLToPath(new URL("../", import.meta.url));
  const { exports } = JSON.parse(Deno.readTextFileSync(`${root}deno.json`)) as {
    exports: Record<string, string>;
  };
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--lint", ...Object.values(exports)],
    cwd: root,
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).output();
  const output = new TextDecoder().decode(stderr);
  const all = readDocErrors(output);
  const own = all.filter((error) => isOurs(error, root));
  for (const { code, message, path, place } of own) {
    console.error(`${path.slice(root.length)}${place}: ${message} (${code})`);
  }
  // With neither errors nor documentation, the command itself has failed.
  const hasFailed = all.length === 0 && stdout.length === 0;
  if (hasFailed) console.error(output);
  console.error(`${Object.keys(exports).length} entry points, ${own.length} without documentation`);
  Deno.exit(own.length === 0 && !hasFailed ? 0 : 1);
}
