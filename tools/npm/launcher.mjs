#!/usr/bin/env node
// The `mimic` command of the npm package: runs a task of deno.json, with the permissions that it has
// there, on the Deno that npm installed beside this package.
import { spawn } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { constants, tmpdir } from "node:os";
import { basename, dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

const program = dirname(fileURLToPath(import.meta.url));

/** Where Deno is; npm puts the one for this platform beside the package `deno`, without scripts. */
function denoExecutable() {
  const require = createRequire(import.meta.url);
  try {
    return require("deno/install_api.cjs").runInstall();
  } catch (error) {
    process.stderr.write(
      `error: Cannot find Deno, which the npm package "deno" brings: ${error.message}; ` +
        "install the package again, with its optional dependencies\n",
    );
    process.exit(1);
  }
}

/** How the words are run: as the task of that name, else, for help, with the permissions of `config`. */
function taskFor(words) {
  const { tasks } = JSON.parse(readFileSync(join(program, "deno.json"), "utf8"));
  const parts = (name) => tasks[name].command.split(" ");
  const isTask = Object.hasOwn(tasks, words[0] ?? "") && parts(words[0]).includes("main.ts");
  const line = parts(isTask ? words[0] : "config");
  const [start, main] = [line.indexOf("deno"), line.indexOf("main.ts")];
  return {
    env: Object.fromEntries(line.slice(0, start).map((assignment) => assignment.split("="))),
    forDeno: line.slice(start + 1, main),
    forProgram: isTask ? [...line.slice(main + 1), ...words.slice(1)] : words,
  };
}

/** What to type in place of `deno task`: npx by the name it was given, or the installed command. */
function calledAs() {
  const modules = join(program, "..", "..");
  const isNpx = basename(join(modules, "..", "..")) === "_npx";
  if (!isNpx) return "mimic";
  try {
    const { packages } = JSON.parse(readFileSync(join(modules, ".package-lock.json"), "utf8"));
    const { resolved } = packages["node_modules/@mimic/mimic"];
    if (!resolved.startsWith("file:")) return "npx @mimic/mimic";
    const file = relative(process.cwd(), join(modules, "..", resolved.slice(5)));
    const path = file.startsWith("..") || file.includes(":") ? file : `.${sep}${file}`;
    return `npx ${/\s/.test(path) ? `"${path}"` : path}`;
  } catch {
    return "npx @mimic/mimic";
  }
}

// Deno notes in its lock file what is fetched later, as the HEIC decoder is; the package may be read-only.
const locks = mkdtempSync(join(tmpdir(), "mimic-lock-"));
process.on("exit", () => rmSync(locks, { recursive: true, force: true }));
copyFileSync(join(program, "main.lock"), join(locks, "main.lock"));

const task = taskFor(process.argv.slice(2));
const child = spawn(denoExecutable(), [
  ...task.forDeno.map((arg) => arg.replace("--lock=", `--lock=${locks}${sep}`)),
  "--config",
  join(program, "deno.json"),
  join(program, "main.ts"),
  `--called-as=${calledAs()}`,
  ...task.forProgram,
], {
  stdio: "inherit",
  // Deno would take the package.json beside the program for the program's.
  env: { ...process.env, ...task.env, DENO_NO_PACKAGE_JSON: "1" },
});

// Ctrl-C reaches the program as well: it saves a checkpoint, and this process waits for that.
process.on("SIGINT", () => {});
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("error", (error) => {
  process.stderr.write(`error: Cannot start Deno: ${error.message}\n`);
  process.exitCode = 1;
});
child.on("exit", (code, signal) => {
  process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
});
