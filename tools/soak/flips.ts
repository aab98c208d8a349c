/**
 * Bits flipped in the directory of an interrupted run, which is then resumed.
 *
 * @module
 */

import { Generator } from "../../core/generator.ts";
import { eachCase, type PartOptions, type PartResult, type SoakPart, Tally } from "./part.ts";
import { copyFolder, fixture, Running, single } from "./runs.ts";
import { trainingCommands } from "./trainings.ts";

const name = "flips";
const title = "Bits flipped in the directories of killed runs, which are then resumed";

function filesBelow(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory ? filesBelow(path) : [path];
  });
}

/** Losses by step, from the intact lines. */
function lossesOf(directory: string): Map<number, number> {
  const losses = new Map<number, number>();
  for (const line of Deno.readTextFileSync(`${directory}/metrics.jsonl`).split("\n")) {
    try {
      const { step, loss } = JSON.parse(line);
      losses.set(step, loss);
    } catch {
      // A flipped line, whose contents do not count.
    }
  }
  return losses;
}

async function flipOne(
  index: number,
  { scratch, only }: PartOptions,
  generator: Generator,
  tally: Tally,
): Promise<void> {
  const training = trainingCommands[index % trainingCommands.length];
  const folder = `${scratch}/${index}`;
  copyFolder(`${fixture}/data`, `${folder}/data`);
  for (const run of [`${training}-killed`, "tokenizer", "pretrain"]) {
    copyFolder(`${fixture}/runs/${run}`, `${folder}/runs/${run}`);
  }
  const run = `runs/${training}-killed`;
  const files = filesBelow(`${folder}/${run}`).sort();
  const file = files[generator.integer(0, files.length - 1)];
  const bytes = Deno.readFileSync(file);
  for (let flip = generator.integer(1, 3); flip > 0; flip--) {
    bytes[generator.integer(0, bytes.length - 1)] ^= 1 << generator.integer(0, 7);
  }
  Deno.writeFileSync(file, bytes);
  const where = file.slice(folder.length + run.length + 2);

  const running = new Running(single([training, "--resume", run], folder));
  const ended = await running.end();
  tally.cases++;
  const kind = /^checkpoints/.test(where) ? "a checkpoint" : where.replace(/\.\d+\..*$/, "");
  const find = (what: string, detail: string) =>
    tally.find({ case: `${name}:${index}`, what, detail: `${training}, ${where}: ${detail}` });
  if (ended === null) find("hung", "no end");
  else if (/bug in mimic|^\s+at .*:\d+:\d+/m.test(ended.said)) {
    find("stack trace", ended.said.slice(-600));
  } else if (ended.code === 2) tally.count(`${kind}: refused`);
  else if (ended.code !== 0) find("died", `exit code ${ended.code}: ${ended.said.slice(-600)}`);
  else {
    tally.count(`${kind}: resumed`);
    // A log has no checksum: a digit may differ in the lines that were already there.
    const first = where === "metrics.jsonl" ? 11 : 1;
    const found = lossesOf(`${folder}/${run}`);
    for (const [step, loss] of lossesOf(`${fixture}/runs/${training}`)) {
      if (step < first || found.get(step) === loss) continue;
      // Fewer lines are what a flipped `log.everySteps` asks for.
      if (!found.has(step) && where === "config.json") continue;
      find("other losses", `step ${step}: expected ${loss}, found ${found.get(step)}`);
      break;
    }
  }
  if (only === null) Deno.removeSync(folder, { recursive: true });
}

/** Flipped bits. */
export const flips: SoakPart = {
  name,
  title,
  cases: 450,
  async run(options: PartOptions): Promise<PartResult> {
    const tally = new Tally(options.seed);
    const root = Generator.from(options.seed).split(name);
    await eachCase(
      options,
      (index) => flipOne(index, options, root.split(index), tally),
      () => tally.cases,
    );
    return tally.result({ name, title });
  },
};
