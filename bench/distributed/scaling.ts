/**
 * How much faster two processes are than one: ViT-S pretraining on the cpu backend, with one thread and
 * the same number of images per rank.
 *
 *     deno run -A bench/distributed/scaling.ts [images per rank, 4] [steps, 7] [rounds, 2]
 *
 * Four setups take turns: one process alone, two that send messages during the backward pass, two that
 * send them after it, and two with float16 on the wire. The figures are medians over all steps except the
 * first two after each start.
 *
 * - `efficiency`: images per second of two processes, divided by twice those of one. On a machine where
 *   two processes share the memory, this includes how much they slow each other down; `efficiencyApart`
 *   divides by two processes that run side by side without communicating.
 * - `communicationShare`: share of a step that a rank spends waiting for the other and its messages.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { writeTinyTokenizer } from "../../tests/tasks/_tiny.ts";
import { median } from "../../core/median.ts";
import { keep } from "../report.ts";

const [images = 4, steps = 7, rounds = 2] = Deno.args.map(Number);
const program = fileURLToPath(new URL("_rank.ts", import.meta.url));
const warmUp = 2;
// Only its shape counts: it is not asked for its codes.
const folder = await Deno.makeTempDir();
const tokenizer = await writeTinyTokenizer(folder, { imageSize: 224, patchSize: 16, codes: 8192 });

interface Setting {
  readonly ranks: number;
  readonly overlap: boolean;
  readonly wire: "float32" | "float16";
  /** Processes that know nothing of each other. */
  readonly apart?: boolean;
}

const settings = {
  alone: { ranks: 1, overlap: true, wire: "float32" },
  apart: { ranks: 2, overlap: true, wire: "float32", apart: true },
  overlapped: { ranks: 2, overlap: true, wire: "float32" },
  after: { ranks: 2, overlap: false, wire: "float32" },
  half: { ranks: 2, overlap: true, wire: "float16" },
} satisfies Record<string, Setting>;

type Name = keyof typeof settings;
type Step = { step: number; communicate: number };

async function run({ ranks, overlap, wire, apart = false }: Setting): Promise<Step[]> {
  const words = [program, tokenizer, String(images), String(steps), String(overlap), wire];
  const { code, stdout, stderr } = await new Deno.Command("mpirun", {
    args: [
      "-n",
      String(ranks),
      "--bind-to",
      "core",
      Deno.execPath(),
      "run",
      "--no-check",
      "-A",
      ...words,
    ],
    env: {
      OMPI_ALLOW_RUN_AS_ROOT: "1",
      OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: "1",
      NO_COLOR: "1",
      ...(apart ? { MIMIC_BENCH_APART: "1" } : {}),
    },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (code !== 0) throw new Error(text(stderr));
  return text(stdout).trim().split("\n").flatMap((line) =>
    (JSON.parse(line) as Step[]).slice(warmUp)
  );
}

const taken = Object.fromEntries(
  Object.keys(settings).map((name) => [name, []]),
) as unknown as Record<
  Name,
  Step[]
>;
for (let round = 0; round < rounds; round++) {
  for (const [name, setting] of Object.entries(settings)) {
    const found = await run(setting);
    taken[name as Name].push(...found);
    const seconds = median(found.map(({ step }) => step));
    console.error(`round ${round + 1}, ${name}: ${seconds.toFixed(3)} s a step`);
  }
}
await Deno.remove(folder, { recursive: true });
const seconds = (name: Name) => median(taken[name].map(({ step }) => step));
const share = (name: Name) =>
  median(taken[name].map(({ step, communicate }) => communicate / step));
const pairs: Name[] = ["overlapped", "after", "half"];
const by = (of: (name: Name) => number) =>
  Object.fromEntries(pairs.map((name) => [name, Number(of(name).toFixed(4))]));
await keep("distributed_scaling", {
  model: "ViT-S/16, 224 px, 12 + 2 blocks, 8192 codes, float32",
  imagesPerRank: images,
  secondsPerStep: Object.fromEntries(
    Object.keys(settings).map((name) => [name, Number(seconds(name as Name).toFixed(4))]),
  ),
  efficiency: by((name) => seconds("alone") / seconds(name)),
  efficiencyApart: by((name) => seconds("apart") / seconds(name)),
  communicationShare: by(share),
});
