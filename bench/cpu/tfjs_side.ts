/**
 * One side of `tfjs_peers.ts`, in a separate process: one side's garbage would slow down the others.
 * Speaks the protocol of `torch_peer.py`; arguments: our provider or a tfjs backend, model, batch, threads.
 */

import { type CpuBackendOptions, createCpuBackend } from "../../backends/cpu/mod.ts";
import { createBackend } from "../../backends/mod.ts";
import "../../deps/tfjs_cpu.ts";
import "../../deps/tfjs_wasm.ts";
import { timed } from "../report.ts";
import { openStepTokenizer, stepModel } from "../step_models.ts";
import { Trainee } from "../trainee.ts";
import { TextLineStream } from "./text_line_stream.ts";

const [name, model, batch, threads] = Deno.args;
const backend = name.startsWith("tfjs:")
  ? (await createBackend(name as "tfjs:cpu")).backend
  : await createCpuBackend({
    threads: Number(threads),
    provider: name as CpuBackendOptions["provider"],
  });
const on = { backend, precision: "float32" } as const;
const config = stepModel(model);
const tokenizer = await openStepTokenizer(on, config);
const trainee = new Trainee(backend, { ...on, config, batch: Number(batch), tokenizer });

function step(): number {
  const loss = trainee.step();
  const [value] = loss.dataSync();
  loss.dispose();
  return value;
}

const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream())
  .pipeThrough(new TextLineStream());
for await (const line of lines) {
  const { count } = JSON.parse(line);
  const losses: number[] = [];
  const seconds = Array.from({ length: count }, () => timed(() => losses.push(step())));
  console.log(JSON.stringify({ loss: losses[0], seconds }));
}
await backend.dispose();
