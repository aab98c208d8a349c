/**
 * Runs commands in a pseudo-terminal, which util-linux' `script` makes, and looks at the screen: what goes
 * wrong where a person sits before it goes right through a pipe.
 */
import assert from "node:assert/strict";
import { Screen } from "./_screen.ts";

function hasScript(): boolean {
  try {
    const { stdout } = new Deno.Command("script", { args: ["--version"], stderr: "null" })
      .outputSync();
    return /util-linux/.test(new TextDecoder().decode(stdout));
  } catch {
    return false;
  }
}

/**
 * A test that needs a pseudo-terminal. Without one it is left out, with the reason; with `CI=true` it
 * fails.
 */
export function terminalTest(name: string, work: () => Promise<void>): void {
  const reason = hasScript() ? null : "needs `script` of util-linux, which Linux has";
  Deno.test({
    name: reason === null ? name : `${name} (${reason})`,
    ignore: reason !== null && Deno.env.get("CI") !== "true",
    fn: async () => {
      assert.equal(reason, null);
      await work();
    },
  });
}

/** How a command is started. */
export interface SessionOptions {
  readonly columns?: number;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Seconds after which it is ended, and the test fails. */
  readonly timeout?: number;
}

/** A command at its end. */
export interface Ended {
  readonly code: number;
  readonly screen: Screen;
  /** All bytes as text, escape sequences included. */
  readonly raw: string;
}

/** What belongs to a line that renews itself, and to nothing that stays. */
const ofProgress = /━|─{4}/;

let folder: string | null = null;

/** A folder in which `deno` is the one that runs the tests, for the life of the process. */
function denoFolder(): string {
  if (folder === null) {
    folder = Deno.makeTempDirSync({ prefix: "mimic-bin-" });
    Deno.symlinkSync(Deno.execPath(), `${folder}/deno`);
    globalThis.addEventListener("unload", () => Deno.removeSync(folder!, { recursive: true }));
  }
  return folder;
}

/** A command that runs in a terminal of its own. */
export class Session {
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #screen: Screen;
  readonly #end: Promise<Ended>;
  readonly #watchers: { readonly pattern: RegExp; readonly found: () => void }[] = [];
  readonly #faults: string[] = [];
  #raw = "";
  #isClosed = false;

  constructor(command: string, { columns = 80, cwd, env, timeout = 120 }: SessionOptions = {}) {
    this.#screen = new Screen(columns, 24);
    this.#child = new Deno.Command("script", {
      args: ["-qfec", `stty cols ${columns} rows 24; exec ${command}`, "/dev/null"],
      ...(cwd === undefined ? {} : { cwd }),
      env: {
        PATH: `${denoFolder()}:${Deno.env.get("PATH")}`,
        MIMIC_DEBUG: "",
        TERM: "xterm-256color",
        SHELL: "/bin/sh",
        ...env,
      },
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#stdin = this.#child.stdin.getWriter();
    this.#end = this.#follow(command, timeout);
  }

  async #follow(command: string, timeout: number): Promise<Ended> {
    let isOver = false;
    const timer = setTimeout(() => {
      isOver = true;
      this.#child.kill("SIGKILL");
    }, 1000 * timeout);
    const decoder = new TextDecoder();
    for await (const chunk of this.#child.stdout) {
      this.#raw += decoder.decode(chunk, { stream: true });
      await this.#screen.write(chunk);
      const wrapped = this.#screen.lines().find(({ text, rows }) =>
        rows > 1 && ofProgress.test(text)
      );
      if (wrapped !== undefined) this.#faults.push(`a progress line wraps: ${wrapped.text}`);
      for (const { pattern, found } of this.#watchers) if (pattern.test(this.#raw)) found();
    }
    clearTimeout(timer);
    const { code } = await this.#child.status;
    await this.#stdin.close().catch(() => {});
    if (this.#isClosed) return { code, screen: this.#screen, raw: this.#raw };
    const seen = this.#screen.rows().join("\n");
    assert.ok(!isOver, `\`${command}\` was not done after ${timeout} s:\n${seen}`);
    assert.deepEqual(this.#faults, [], command);
    return { code, screen: this.#screen, raw: this.#raw };
  }

  /** Waits until the program has written something. */
  async see(pattern: RegExp): Promise<void> {
    const seen = new Promise<void>((resolve) => this.#watchers.push({ pattern, found: resolve }));
    if (pattern.test(this.#raw)) return;
    const isEarly = await Promise.race([seen.then(() => false), this.#end.then(() => true)]);
    if (isEarly) assert.match(this.#raw, pattern);
  }

  /** Types keys: `\x03` is Ctrl-C. */
  async type(keys: string): Promise<void> {
    await this.#stdin.write(new TextEncoder().encode(keys));
  }

  /** Closes the window: the terminal is gone for what runs in it. */
  close(): void {
    this.#isClosed = true;
    this.#child.kill("SIGKILL");
  }

  /** Waits for its end. */
  end(): Promise<Ended> {
    return this.#end;
  }
}

/**
 * Fails on what a person should never see at a command's end: a question, a stack trace, an unfinished
 * line, rests of a line that renews itself.
 */
export function assertTidy({ screen, raw }: Ended, command: string): void {
  const rows = screen.rows();
  const seen = rows.join("\n");
  const about = (fault: string) => `\`${command}\`: ${fault}\n${seen}`;
  assert.doesNotMatch(raw, /Deno requests|\[y\/n/, about("a question"));
  assert.doesNotMatch(
    seen,
    /^ +at .*:\d+:\d+\)?$|Uncaught|panicked|stack backtrace/im,
    about("a stack trace"),
  );
  assert.doesNotMatch(seen, /XDG_RUNTIME_DIR is invalid|Ignored build scripts/, about("noise"));
  assert.ok(screen.isAtLineStart(), about("an unfinished line"));
  assert.doesNotMatch(seen, ofProgress, about("rests of a progress line"));
}

/** Runs a command to its end and checks the screen. */
export async function runInTerminal(command: string, options: SessionOptions = {}): Promise<Ended> {
  const ended = await new Session(command, options).end();
  assertTidy(ended, command);
  return ended;
}
