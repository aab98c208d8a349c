/** The process that runs the PyTorch side. */

import { TextLineStream } from "./_text_line_stream.ts";

/** Talks to `torch_peer.py`, one command after another. */
export class Peer {
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: ReadableStreamDefaultReader<string>;

  constructor(python: string) {
    this.#process = new Deno.Command(python, {
      args: [new URL("./torch_peer.py", import.meta.url).pathname],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#writer = this.#process.stdin.getWriter();
    this.#lines = this.#process.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).getReader();
  }

  async ask<Answer>(command: Record<string, unknown>): Promise<Answer> {
    await this.#writer.write(new TextEncoder().encode(JSON.stringify(command) + "\n"));
    const { value, done } = await this.#lines.read();
    if (done) throw new Error(`Cannot go on: PyTorch ended at ${JSON.stringify(command)}`);
    return JSON.parse(value) as Answer;
  }

  async close(): Promise<void> {
    await this.#writer.close();
    await this.#process.status;
  }
}
