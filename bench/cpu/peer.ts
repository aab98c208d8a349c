/** A process that runs another side: PyTorch's by default. */

import { writeSafetensors } from "../../checkpoints/safetensors/safetensors_writer.ts";
import type { TensorData } from "../../checkpoints/tensors/tensor_data.ts";
import { type BeitConfig, gridSize } from "../../models/beit_config.ts";
import { relativePositionIndex } from "../../core/relative_position.ts";
import type { VqkdConfig } from "../../models/vqkd_config.ts";
import type { Trainee } from "../trainee.ts";
import { TextLineStream } from "./text_line_stream.ts";

/** How PyTorch is to run a model. */
export interface PeerModel {
  readonly config: BeitConfig;
  /** Where the trainee has one. */
  readonly tokenizer?: VqkdConfig;
  readonly threads: number;
  readonly precision: string;
  /** Default `cpu`. */
  readonly device?: string;
}

const torchPeer = new URL("./torch_peer.py", import.meta.url).pathname;

/** Talks to `torch_peer.py`, or to another program of its kind, one command after another. */
export class Peer {
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: ReadableStreamDefaultReader<string>;

  /** @param options.env variables of the process besides those of this one */
  constructor(
    program: string,
    { args = [torchPeer], env = {} }: { args?: string[]; env?: Record<string, string> } = {},
  ) {
    this.#process = new Deno.Command(program, {
      args,
      env,
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
    if (done) {
      throw new Error(`Cannot continue: the other side exited at ${JSON.stringify(command)}`);
    }
    return JSON.parse(value) as Answer;
  }

  /** Sends it the weights and inputs of `trainee`; returns its description of itself. */
  async load(trainee: Trainee, model: PeerModel): Promise<Record<string, unknown>> {
    const weights = await Deno.makeTempFile({ suffix: ".safetensors" });
    const side = gridSize(model.config);
    const [shape, data] = [[side ** 2 + 1, side ** 2 + 1], relativePositionIndex(side, side)];
    const entries: [string, TensorData][] = [["input.relative", { dtype: "I32", shape, data }]];
    // Together: a GPU is waited for once.
    const read = await Promise.all(
      Object.entries(trainee.tensors).map(async ([name, tensor]) =>
        [name, tensor.shape, await tensor.data<"float32" | "int32">()] as const
      ),
    );
    for (const [name, shape, data] of read) {
      entries.push([name, { dtype: data instanceof Int32Array ? "I32" : "F32", shape, data }]);
    }
    await writeSafetensors(weights, entries);
    const answer = await this.ask<Record<string, unknown>>({ do: "load", weights, ...model });
    await Deno.remove(weights);
    return answer;
  }

  async close(): Promise<void> {
    await this.#writer.close();
    await this.#process.status;
  }
}
