/**
 * The command line: `deno task COMMAND`, or `deno run main.ts COMMAND`.
 *
 * It imports nothing until it has checked Deno's version: an older Deno would fail while loading
 * the program, with an error of its own.
 *
 * @module
 */

/** The oldest Deno with everything the program needs: text imports and file locks. */
const oldest = "2.8.0";

/** After this many seconds, startup is either downloading or on a slow disk. */
const patience = 1.5;

const encoder = new TextEncoder();
const note = (text: string) => Deno.stderr.writeSync(encoder.encode(text));

function isTooOld(version: string): boolean {
  const [major, minor] = version.split(".").map(Number);
  const [oldestMajor, oldestMinor] = oldest.split(".").map(Number);
  return major < oldestMajor || (major === oldestMajor && minor < oldestMinor);
}

/** Why the program cannot be loaded, with the underlying cause if Deno reports it. */
function reasonOf(error: unknown): string {
  const [what, ...causes] = String(error instanceof Error ? error.message : error).split("\n");
  const cause = causes.find((line) => /^ *0: /.test(line));
  return cause === undefined ? what : `${what}: ${cause.replace(/^ *0: /, "")}`;
}

/** Loads the program, and says what it is waiting for if that takes long. */
async function loadProgram(): Promise<{ start(): Promise<number> }> {
  // Computed names: Deno resolves literal imports before the first line runs.
  const program = "./cli/start.ts";
  const progress = "./cli/fetch_progress.ts";
  const size = "./cli/screen/terminal_columns.ts";
  const { fetchedShare, fetchLine } = await import(progress);
  const { terminalColumns } = await import(size);
  const isTerminal = Deno.stderr.isTerminal();
  const begun = performance.now();
  let isShown = false;
  const tick = () => {
    const seconds = Math.floor((performance.now() - begun) / 1000);
    if (seconds < patience || (isShown && !isTerminal)) return;
    const line = fetchLine(seconds, fetchedShare(), isTerminal ? terminalColumns() : Infinity);
    note(isTerminal ? `\r\x1b[J${line}\r` : `${line}\n`);
    isShown = true;
  };
  const timer = setInterval(tick, 250);
  const clear = () => isShown && isTerminal && note("\r\x1b[J");
  // Nothing has started yet: Ctrl-C leaves nothing behind, not even on the screen.
  const leave = () => {
    clear();
    Deno.exit(130);
  };
  Deno.addSignalListener("SIGINT", leave);
  try {
    return await import(program);
  } finally {
    Deno.removeSignalListener("SIGINT", leave);
    clearInterval(timer);
    clear();
  }
}

if (import.meta.main) {
  const version = Deno.version.deno;
  if (isTooOld(version)) {
    note(
      `error: mimic needs Deno ${oldest} or newer, and this is ${version}; ` +
        "run `deno upgrade`, or use `npx --yes deno@2.9.6` in place of `deno`\n",
    );
    Deno.exit(2);
  }
  let program: Awaited<ReturnType<typeof loadProgram>>;
  try {
    program = await loadProgram();
  } catch (error) {
    const reason = reasonOf(error);
    const isForbidden = /^Requires \w+ access/.test(reason);
    const hint = reason.includes("UnknownIssuer")
      ? "; Deno does not know who signed this connection, a company's proxy perhaps: set " +
        "DENO_TLS_CA_STORE=system, then run the same command again"
      : "; the first start downloads libraries from the npm registry: check that this machine " +
        "can reach it, then run the same command again";
    note(`error: Cannot load the program: ${reason}${isForbidden ? "" : hint}\n`);
    Deno.exit(isForbidden ? 2 : 1);
  }
  Deno.exit(await program.start());
}
