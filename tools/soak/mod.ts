/**
 * The soak test: thousands of kills, bit flips, mutations, bombs and signals, and a table of the
 * results.
 *
 * ```sh
 * deno task soak                        # every part, five minutes in all
 * deno task soak --minutes 120          # longer
 * deno task soak kills=500 ranks=100    # these parts, with this many cases
 * deno task soak --full --page docs/reliability.md
 * deno task soak --seed 7 --case kills:12
 * ```
 *
 * It exits with code 1 if something was found. Every case is determined by the seed, its part and
 * its number; the moments of kills also depend on the machine's speed.
 *
 * @module
 */

import { parseArgs } from "node:util";
import type { PartResult, SoakPart } from "./part.ts";
import { archives } from "./archives.ts";
import { bombs } from "./bombs.ts";
import { checkpoints } from "./checkpoints.ts";
import { configs } from "./configs.ts";
import { flips } from "./flips.ts";
import { images } from "./images.ts";
import { kills } from "./kills.ts";
import { ranks } from "./ranks.ts";
import { signals } from "./signals.ts";
import { formatTable, type SoakReport, writePage } from "./report.ts";

/** All parts, in the order of the table. */
const parts: readonly SoakPart[] = [
  kills,
  ranks,
  signals,
  flips,
  configs,
  checkpoints,
  images,
  archives,
  bombs,
];

function fail(message: string): never {
  console.error(`error: ${message}`);
  Deno.exit(2);
}

const { values, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    minutes: { type: "string" },
    full: { type: "boolean", default: false },
    seed: { type: "string" },
    case: { type: "string" },
    jobs: { type: "string", default: "1" },
    json: { type: "string" },
    page: { type: "string" },
    help: { type: "boolean", short: "h", default: false },
  },
});

if (values.help) {
  console.log(`Usage: deno task soak [PART[=CASES] …] [flags]

Parts: ${parts.map(({ name, cases }) => `${name} (${cases})`).join(", ")}; default all.

  --minutes N     how long in all; default 5, shared by the parts
  --full          as many cases as in brackets, however long it takes
  --seed N        default drawn, and printed
  --case PART:N   one case alone; what it leaves is kept
  --jobs N        processes at once; default 1
  --json FILE     the result
  --page FILE     a page whose results are renewed, and the JSON beside it`);
  Deno.exit(0);
}

/** The parts requested, with their numbers of cases. */
function chosen(): [SoakPart, number][] {
  if (values.case !== undefined) positionals.splice(0, Infinity, values.case.split(":")[0]);
  if (positionals.length === 0) {
    return parts.map((part) => [part, values.full ? part.cases : Infinity]);
  }
  return positionals.map((word) => {
    const [name, count] = word.split("=");
    const part = parts.find((known) => known.name === name);
    if (part === undefined) {
      return fail(
        `no part is called "${name}"; there are ${parts.map(({ name }) => name).join(", ")}`,
      );
    }
    if (count !== undefined && !/^[1-9]\d*$/.test(count)) {
      return fail(`"${word}": expected a number of cases`);
    }
    return [part, count !== undefined ? Number(count) : values.full ? part.cases : Infinity];
  });
}

const seed = Number(values.seed ?? crypto.getRandomValues(new Uint16Array(1))[0]);
const only = values.case === undefined ? null : Number(values.case.split(":")[1]);
const wanted = chosen();
const isCounted = wanted.every(([, cases]) => cases < Infinity);
const minutes = values.minutes === undefined ? (isCounted ? Infinity : 5) : Number(values.minutes);
if (![seed, only ?? 0, Number(values.jobs)].every(Number.isSafeInteger) || !(minutes > 0)) {
  fail("--seed, --case, --jobs and --minutes take numbers");
}

const machine =
  `${Deno.build.os} ${Deno.build.arch}, ${navigator.hardwareConcurrency} processors, ` +
  `Deno ${Deno.version.deno}`;

/** Writes what is known after a part: the next ones may take hours. */
function keep(done: readonly PartResult[]): void {
  const report: SoakReport = { machine, parts: done };
  if (values.json !== undefined) {
    Deno.writeTextFileSync(values.json, JSON.stringify(report, null, 1) + "\n");
  }
  if (values.page !== undefined) writePage(values.page, parts.map(({ name }) => name), report);
}

const isTerminal = Deno.stderr.isTerminal();
const say = (text: string) => Deno.stderr.writeSync(new TextEncoder().encode(text));
const results: PartResult[] = [];
const started = performance.now();
const scratch = Deno.makeTempDirSync({ prefix: "mimic-soak-" });
say(
  `seed ${seed}; ${only === null ? "" : `what is left lies in ${scratch}; `}` +
    `${minutes < Infinity ? `${minutes} minutes` : "until all cases are done"}\n`,
);
try {
  for (const [index, [part, cases]] of wanted.entries()) {
    const left = minutes * 60_000 - (performance.now() - started);
    const deadline = performance.now() + left / (wanted.length - index);
    const own = `${scratch}/${part.name}`;
    Deno.mkdirSync(own);
    let told = performance.now();
    const result = await part.run({
      seed,
      cases,
      deadline,
      scratch: own,
      jobs: Number(values.jobs),
      only,
      progress(done) {
        if (performance.now() - told < (isTerminal ? 500 : 30_000)) return;
        told = performance.now();
        const of = cases < Infinity ? ` of ${cases}` : "";
        say(isTerminal ? `\r\x1b[K${part.name}: ${done}${of}` : `${part.name}: ${done}${of}\n`);
      },
    });
    results.push(result);
    keep(results);
    say(
      `${isTerminal ? "\r\x1b[K" : ""}${part.name}: ${result.cases} cases, ` +
        `${result.findings.length} findings, ${result.seconds} s\n`,
    );
    for (const finding of result.findings.slice(0, 20)) {
      say(`  ${finding.case} ${finding.what}: ${finding.detail}\n`);
    }
  }
} finally {
  if (only === null) Deno.removeSync(scratch, { recursive: true });
}
console.log(formatTable({ machine, parts: results }));
Deno.exit(results.some(({ findings }) => findings.length > 0) ? 1 : 0);
