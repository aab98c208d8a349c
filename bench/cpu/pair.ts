/** Our side of a training step and PyTorch's, with the same weights and inputs. */

import type { Backend } from "../../backends/backend.ts";
import { type CpuBackendOptions, createCpuBackend } from "../../backends/cpu/mod.ts";
import { openStepTokenizer, stepModel } from "../step_models.ts";
import { Trainee } from "../trainee.ts";
import { Peer } from "./peer.ts";

/** What both sides run; see `step.ts` for what the options mean. */
export const usualOptions = {
  batch: 8,
  threads: 2,
  provider: "auto",
  precision: "float32",
  avx2: false,
  amx: false,
  python: "python3",
};

/** Keeps PyTorch's libraries to AVX2. */
const onlyAvx2 = {
  ATEN_CPU_CAPABILITY: "avx2",
  DNNL_MAX_CPU_ISA: "AVX2",
  MKL_ENABLE_INSTRUCTIONS: "AVX2",
};

/** The least share of codes that must be equal, and the most that losses may differ relatively. */
const wanted = {
  float32: { sameCodes: 0.999, lossDifference: 1e-4 },
  // Rounding moves many patches over a border between two of the 8192 random codes.
  bfloat16: { sameCodes: 0.5, lossDifference: 1e-2 },
};

/** Both sides after their first step, which gave the same codes and losses. */
export interface Pair {
  readonly backend: Backend;
  readonly peer: Peer;
  /** What every result says of the two sides. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** Our next step; returns the loss. */
  step(): number;
}

/** @throws Error if the two sides compute different results */
export async function openPair(
  name: string | undefined,
  options: typeof usualOptions,
): Promise<Pair> {
  const { batch, threads, avx2 } = options;
  const config = stepModel(name);
  const precision = options.precision === "bfloat16" ? "bfloat16" : "float32";
  const machineCode = avx2 ? "native-avx2" : options.amx ? "native-amx" : "auto";
  const provider = options.provider === "auto" ? machineCode : options.provider;
  const backend = await createCpuBackend({
    threads,
    provider: provider as CpuBackendOptions["provider"],
  });
  const on = { backend, precision } as const;
  const tokenizer = await openStepTokenizer(on, config);
  const trainee = new Trainee(backend, { config, batch, precision, tokenizer });
  const step = () => {
    const loss = trainee.step();
    const [value] = loss.dataSync();
    loss.dispose();
    return value;
  };

  const peer = new Peer(options.python, { env: avx2 ? onlyAvx2 : {} });
  const peerModel = { config, tokenizer: tokenizer.config, threads, precision };
  const pytorch = await peer.load(trainee, peerModel);
  const { codes } = await peer.ask<{ codes: number[] }>({ do: "tokenize" });
  const ids = trainee.tokenize()!;
  const own = ids.dataSync();
  const sameCodes = codes.filter((code, row) => code === own[row]).length / own.length;
  ids.dispose();
  const { loss } = await peer.ask<{ loss: number }>({ do: "step", count: 1 });
  const firstLosses = { ours: step(), pytorch: loss };
  const facts = {
    model: name,
    batch,
    threads,
    precision,
    provider: backend.capabilities.description,
    pytorch,
    sameCodes,
    firstLosses,
  };
  console.log(JSON.stringify(facts));
  const limits = wanted[precision];
  if (sameCodes < limits.sameCodes) throw new Error("The codes differ");
  if (Math.abs(firstLosses.ours - loss) > limits.lossDifference * loss) {
    throw new Error("The losses differ");
  }
  return { backend, peer, facts, step };
}
