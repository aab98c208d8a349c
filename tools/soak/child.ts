/**
 * The supervised process: works on cases `FIRST … LAST` of a part and reports how each ended.
 *
 * `child.ts PART SEED FIRST LAST`, started by `in_child.ts`.
 *
 * @module
 */

import { messageOf, UserError } from "../../core/errors.ts";
import { Generator } from "../../core/generator.ts";
import type { Case } from "./case.ts";

const prepare: Readonly<Record<string, () => Promise<Case>>> = {
  checkpoints: async () => await (await import("./checkpoint_cases.ts")).checkpointCases(),
  images: async () => await (await import("./image_cases.ts")).imageCases(),
  archives: async () => await (await import("./archive_cases.ts")).archiveCases(),
  configs: async () => await (await import("./config_cases.ts")).configCases(),
  bombs: async () => await (await import("./bomb_cases.ts")).bombCases(),
};

const encoder = new TextEncoder();

function tell(...words: readonly (string | number)[]): void {
  let rest = encoder.encode(
    words.map((word) => String(word).replaceAll(/\s+/g, " ")).join("\t") + "\n",
  );
  while (rest.length > 0) rest = rest.subarray(Deno.stdout.writeSync(rest));
}

/** Whether the command line shows an error in one line, without calling it a bug. */
function isForUsers(error: unknown): boolean {
  return error instanceof UserError || error instanceof Deno.errors.NotCapable ||
    (error instanceof Error && error.name === "DivergenceError");
}

async function main([part, seed, first, last]: readonly string[]): Promise<void> {
  const work = await prepare[part]();
  const root = Generator.from(Number(seed)).split(part);
  for (let index = Number(first); index <= Number(last); index++) {
    tell("begin", index);
    try {
      const about = (what: string) => tell("about", index, what);
      tell("end", index, await work(root.split(index), index, about));
    } catch (error) {
      if (!isForUsers(error)) {
        tell(
          "fault",
          index,
          error instanceof Error ? error.stack ?? messageOf(error) : String(error),
        );
      } else if (messageOf(error).includes("\n") || messageOf(error).length > 2000) {
        tell("fault", index, `a message of many lines: ${messageOf(error)}`);
      } else {
        tell("end", index, "refused", messageOf(error));
      }
    }
  }
}

if (import.meta.main) {
  await main(Deno.args);
  Deno.exit(0);
}
