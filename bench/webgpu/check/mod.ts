/**
 * A device check in one command: right numbers, products, attention and whole steps of ViT-S and ViT-B in
 * float32 and mixed precision, with Deno's own WebGPU and with Dawn, beside PyTorch on the same card. Writes
 * `gpu_check.json` and `gpu_check.html`.
 *
 *     deno task bench gpu [--out .] [--minutes 5] [--python python3] [--device cuda] [--webgpu deno,dawn]
 *                         [--fixtures FOLDER] [--small]
 *
 * Each part is a process of its own with a limit of its own; both files are written after each part. `--small`
 * tries the check itself, with small models and few cases, on a GPU that is emulated. Ends with exit code 1 if
 * a part was not ok.
 *
 * For a machine without a network: `deno task bench gpu-pack`, see `pack.ts`.
 *
 * @module
 */

import { readOptions } from "../../options.ts";
import { machine } from "../../report.ts";
import { commandOn, newLavapipe } from "../emulated_gpus.ts";
import { checkPage } from "./page.ts";
import { partsOf } from "./parts.ts";
import { type PartOutcome, runParts } from "./run_parts.ts";

const { options } = readOptions({
  out: ".",
  minutes: 5,
  python: "python3",
  device: "cuda",
  webgpu: "deno,dawn",
  fixtures: "",
  small: false,
});

/** In a pack the programs are bundles beside this one. */
const isPacked = import.meta.url.endsWith(".js");

function commandOf({ program, args }: { program: string; args: readonly string[] }): string[] {
  const file = new URL(isPacked ? `./${program}.js` : `../${program}.ts`, import.meta.url);
  const path = decodeURIComponent(file.pathname);
  // The system's lavapipe may be too old for Dawn.
  const emulated = options.small && args.includes("dawn") ? newLavapipe() : null;
  if (emulated !== null) return commandOn(emulated, path, args);
  return [Deno.execPath(), "run", "--no-prompt", "-A", path, ...args];
}

function write(outcomes: readonly PartOutcome[]): void {
  const check = { options, machine: machine(), outcomes };
  Deno.mkdirSync(options.out, { recursive: true });
  Deno.writeTextFileSync(`${options.out}/gpu_check.json`, JSON.stringify(check, null, 2) + "\n");
  Deno.writeTextFileSync(`${options.out}/gpu_check.html`, checkPage(check));
}

const start = performance.now();
const outcomes = await runParts(partsOf(options), {
  commandOf,
  seconds: options.minutes * 60,
  onOutcome(outcomes) {
    write(outcomes);
    const { name, status, seconds, message } = outcomes.at(-1)!;
    console.log(`${status.padEnd(8)}${name} (${seconds.toFixed(1)} s)`);
    if (message !== null) console.log(message.trimEnd().replace(/^/gm, "    "));
  },
});
const minutes = ((performance.now() - start) / 60000).toFixed(1);
console.log(`${options.out}/gpu_check.html, after ${minutes} minutes`);
Deno.exit(outcomes.every(({ status }) => status === "ok") ? 0 : 1);
