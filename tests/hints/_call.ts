/** Runs a command as the program does, in this process. */
import { commands } from "../../cli/commands/mod.ts";
import { runProgram } from "../../cli/program.ts";

/** How a command ended, and what it said. */
export interface Called {
  readonly code: number;
  readonly stdout: string;
  /** The line that begins with `error: `, without that; empty where there is none. */
  readonly error: string;
}

const decoder = new TextDecoder();

/** Runs `work` with what is written on a stream in `heard`. */
function listenTo(stream: { writeSync(bytes: Uint8Array): number }, heard: string[]): () => void {
  const write = stream.writeSync;
  stream.writeSync = (bytes) => {
    heard.push(decoder.decode(bytes));
    return bytes.length;
  };
  return () => void (stream.writeSync = write);
}

/** Runs the words behind `deno task`. */
export async function call(words: readonly string[]): Promise<Called> {
  const [out, err]: [string[], string[]] = [[], []];
  const restore = [listenTo(Deno.stdout, out), listenTo(Deno.stderr, err)];
  try {
    const code = await runProgram(words, commands, "0");
    const error = err.join("").split("\n").find((line) => line.startsWith("error: ")) ?? "";
    return { code, stdout: out.join(""), error: error.slice("error: ".length) };
  } finally {
    for (const end of restore) end();
  }
}
