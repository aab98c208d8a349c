/**
 * Creates tests/fixtures/compat: runs, configs and files as the current version writes them, which every later
 * version must read, or reject naming the key (docs/compatibility.md).
 *
 * Run once per version, before the next change, and never again for an old one. It works through the command
 * line, offline, on images that it draws, so that it does not depend on the modules behind it.
 *
 * ```sh
 * deno run -A tools/make_compat_fixtures.ts tests/fixtures/compat/VERSION
 * ```
 *
 * @module
 */

import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Config } from "../methods/mod.ts";
import { settings, tinyTrainings, trainingCommands } from "./soak/trainings.ts";
import { configHash } from "../pipeline/engine/resuming/config_hash.ts";

const main = fileURLToPath(new URL("../main.ts", import.meta.url));
const folder = resolve(Deno.args[0] ?? "");
if (Deno.args.length !== 1) throw new Error("give the folder to make");
Deno.mkdirSync(folder, { recursive: true });

/** Runs mimic in the folder, so that every path in a config is relative; returns what it printed. */
async function mimic(words: readonly string[], codes: readonly number[] = [0]): Promise<string> {
  // Without foreign functions the kernels are WebAssembly's, whose bits do not depend on the processor.
  const args = ["run", "-q", "--no-check", "--allow-all", "--deny-ffi", main, ...words];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: folder,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (!codes.includes(code)) {
    throw new Error(`${words.join(" ")}: exit code ${code}\n${decoder.decode(stderr)}`);
  }
  return decoder.decode(stdout);
}

/** Fairly bright and fairly dark images of 20 × 20 px as class folders, the same on every call. */
function writePictures(): void {
  let state = 12345;
  const draw = (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const head = new TextEncoder().encode("P5 20 20 255\n");
  for (const [split, count] of [["train", 8], ["val", 5]] as const) {
    for (const [name, level] of [["bright", 90], ["dark", 70]] as const) {
      const directory = join(folder, "data", split, name);
      Deno.mkdirSync(directory, { recursive: true });
      for (let i = 0; i < count; i++) {
        const [slope, phase] = [draw(9), draw(20)];
        const pixels = Uint8Array.from(
          { length: 400 },
          (_, at) => level + draw(60) + ((at % 20 + phase) % 20) * slope / 3,
        );
        Deno.writeFileSync(join(directory, `${i}.pgm`), Uint8Array.of(...head, ...pixels));
      }
    }
  }
}

const saving = ["checkpoint.everySteps=8", "checkpoint.keepLast=1"];
const trainings = tinyTrainings({
  data: "data",
  tokenizer: "runs/tokenizer",
  pretrained: "runs/pretrain",
});

/** Kills the run from inside, three steps after its first checkpoint, whatever the machine's speed. */
const killing = `export default (event) => {
  if (event.type === "step" && event.metrics.step === 11) Deno.kill(Deno.pid, "SIGKILL");
};
`;

async function writeRuns(): Promise<void> {
  const hook = Deno.makeTempFileSync({ suffix: ".js" });
  Deno.writeTextFileSync(hook, killing);
  for (const task of trainingCommands) {
    const words = [task, ...settings([...trainings[task], ...saving])];
    await mimic([...words, "--out", `runs/${task}`]);
    await mimic([...words, "--out", `runs/${task}-killed`, "--hook", hook], [137]);
  }
  const stopped = settings([...trainings.finetune, ...saving, "log.tensorBoard=false"]);
  await mimic(["finetune", ...stopped, "--max-steps", "5", "--out", "runs/finetune-stopped"]);
  // A step that is not finite, and what it leaves.
  const wild = ["optimizer.lr=1e30", "schedule.warmupRatio=0", "log.tensorBoard=false"];
  const diverging = settings([...trainings.pretrain, ...saving, ...wild]);
  await mimic(["pretrain", ...diverging, "--out", "runs/diverged"], [1, 2]);
  Deno.removeSync(hook);
  // Pages can be regenerated, and TensorBoard's files are all similar: together they would be most of the
  // bytes.
  for (const { name: run } of Deno.readDirSync(join(folder, "runs"))) {
    const keepsEvents = run === "pretrain-killed";
    for (const { name: file } of [...Deno.readDirSync(join(folder, "runs", run))]) {
      const isLeft = file === "report.html" || file === "run.lock" ||
        (file.includes("tfevents") && !keepsEvents);
      if (isLeft) Deno.removeSync(join(folder, "runs", run, file));
    }
  }
}

/** What runs convert to: every format, and every kind of model. */
const conversions = [
  ["finetune", "timm", "timm"],
  ["finetune", "huggingface", "huggingface"],
  ["finetune", "mmselfsup", "mmselfsup.pth"],
  ["finetune", "unilm", "unilm.pth"],
  ["finetune", "safetensors", "mimic.safetensors"],
  ["pretrain", "timm", "timm"],
  ["pretrain", "huggingface", "huggingface"],
  ["pretrain", "mmselfsup", "mmselfsup.pth"],
  ["tokenizer", "unilm", "unilm.pth"],
  ["tokenizer", "safetensors", "mimic.safetensors"],
];

async function writeConverted(): Promise<void> {
  Deno.mkdirSync(join(folder, "converted"), { recursive: true });
  for (const [task, to, name] of conversions) {
    await mimic(["convert", `runs/${task}`, `converted/${task}-${name}`, "--to", to]);
  }
  await mimic(["export", "runs/finetune", "converted/finetune.onnx"]);
}

async function writeRecipes(): Promise<void> {
  Deno.mkdirSync(join(folder, "recipes"), { recursive: true });
  const recipes = JSON.parse(await mimic(["config", "list", "--json"])) as { name: string }[];
  for (const { name } of recipes) {
    const config = JSON.parse(await mimic(["config", "print", name, "--json"])) as Config;
    const document = { config, hash: await configHash(config) };
    const text = JSON.stringify(document, null, 1) + "\n";
    Deno.writeTextFileSync(join(folder, "recipes", `${name}.json`), text);
  }
}

/** What this version measures on its own runs and files, using the command line. */
async function writeExpected(): Promise<void> {
  const expected: Record<string, unknown> = {};
  const keep = async (words: string[], part: (result: Inspected) => unknown = (all) => all) => {
    expected[words.join(" ")] = part(JSON.parse(await mimic(words)));
  };
  const common = ["--backend", "cpu", "--workers", "0", "--json"];
  for (const model of ["runs/finetune", "runs/finetune-killed", "converted/finetune-timm"]) {
    await keep(["evaluate", "--checkpoint", model, "--data", "data", ...common]);
  }
  for (const model of ["runs/finetune", "converted/finetune-mimic.safetensors"]) {
    await keep(["predict", "data/val/dark", "--checkpoint", model, ...common]);
  }
  for (const model of ["runs/pretrain", "runs/pretrain-killed", "converted/pretrain-timm"]) {
    await keep(["knn", "--checkpoint", model, "--data", "data", ...common]);
  }
  for (const kind of ["runs", "converted"]) {
    for (const { name } of [...Deno.readDirSync(join(folder, kind))].sort(byName)) {
      // This version cannot read ONNX, and a run that never saved has no model.
      if (name === "diverged" || name.endsWith(".onnx")) continue;
      await keep(["inspect", `${kind}/${name}`, "--json"], (inspected) => {
        const { container, format, kind, parameters, tensors } = inspected;
        return { container, format, kind, parameters, tensors: tensors.length };
      });
    }
  }
  const text = JSON.stringify(expected, null, 1) + "\n";
  Deno.writeTextFileSync(join(folder, "expected.json"), text);
  await mimic([
    ...["features", "data", "--split", "val", "--checkpoint", "runs/pretrain", "--layer", "0"],
    ...["--token", "cls", "--out", "features.safetensors", ...common.slice(0, 4)],
  ]);
}

/** The part of `inspect --json` that is kept. */
interface Inspected {
  readonly container: string;
  readonly format?: string;
  readonly kind?: string;
  readonly parameters: number;
  readonly tensors: readonly unknown[];
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1;
}

writePictures();
await writeRuns();
await writeConverted();
await writeRecipes();
await writeExpected();
