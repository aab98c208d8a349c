/** `parity`: compares this machine's results with the reference's golden numbers. */
import type { BackendName, BackendOptions } from "../../backends/mod.ts";
import type { Precision } from "../../backends/backend.ts";
import { messageOf, UserError } from "../../core/errors.ts";
import type { FixtureFolder } from "../../bench/parity/fixture_folder.ts";
import type { BackendParity } from "../../bench/parity/parity_report.ts";
import {
  choice,
  type CommandContext,
  defineCommand,
  exitCodes,
  path,
  repeated,
  toggle,
} from "../parsing/command.ts";
import { webgpuFlag } from "../parsing/webgpu_flag.ts";

const precisions = ["float32", "float16", "bfloat16"] as const;

/** Compares on one backend, started only for this. */
async function compareOn(
  name: BackendName,
  folder: FixtureFolder,
  options: {
    readonly precision: Precision;
    readonly skipsBackendFree: boolean;
    readonly implementation: BackendOptions["implementation"];
  },
  context: CommandContext,
): Promise<BackendParity> {
  const { compareFixtures } = await import("../../bench/parity/compare_fixtures.ts");
  const { createBackend } = await import("../../backends/mod.ts");
  const { openMeasurements } = await import("../../checkpoints/hub/measurements.ts");
  const { backend, notes } = await createBackend(name, {
    implementation: options.implementation,
    measurements: openMeasurements(),
  });
  try {
    for (const note of notes) context.note(note);
    const { description, reducedPrecisions } = backend.capabilities;
    const { precision } = options;
    if (precision !== "float32" && !reducedPrecisions.includes(precision)) {
      const able = ["float32", ...reducedPrecisions].join(", ");
      throw new UserError(
        `Cannot compare in ${precision}: the ${backend.name} backend computes in ${able} here`,
        { hint: "give --backend reference, which emulates reduced precision" },
      );
    }
    context.note(`Comparing on ${backend.name}: ${description}`);
    const rows = await compareFixtures(folder, backend, options);
    return { backend: backend.name, description, rows };
  } finally {
    await backend.dispose();
  }
}

/** Prints a backend's rows, or only those outside their tolerance, and their count. */
async function printRows(
  { backend, rows }: BackendParity,
  failuresOnly: boolean,
  context: CommandContext,
): Promise<void> {
  const { parityLines } = await import("../../bench/parity/parity_report.ts");
  const failed = rows.filter(({ ok }) => !ok);
  const shown = failuresOnly ? failed : rows;
  if (shown.length > 0) { for (const line of parityLines(shown)) context.print(line); }
  context.print(`${backend}: ${rows.length - failed.length} of ${rows.length} within tolerance`);
}

/** Writes the page and says where. */
async function writePage(
  file: string,
  results: readonly BackendParity[],
  given: readonly string[],
  context: CommandContext,
): Promise<void> {
  const { parityPage } = await import("../../bench/parity/parity_report.ts");
  const command = ["deno task parity", ...given, "--markdown", file].join(" ");
  try {
    Deno.writeTextFileSync(file, parityPage(results, command));
  } catch (error) {
    throw new UserError(`Cannot write "${file}": ${messageOf(error)}`, { cause: error });
  }
  context.note(`Wrote ${file}`);
}

/** Compares golden numbers; exit code 1 if a tolerance is exceeded. */
export const parity = defineCommand({
  name: "parity",
  summary: "Compare this machine's results with the reference code's",
  description: "Runs models, losses, gradients, optimizer steps, tokenizer, augmentations and " +
    "evaluation on stored inputs and prints, for each quantity, the largest absolute and relative " +
    "error and the tolerance. Without --fixtures it uses the bundled compact set.\n\n" +
    "Exit code 1 means that a tolerance was exceeded.",
  flags: {
    fixtures: repeated(
      path("Folder of golden numbers (.json and .safetensors).", { placeholder: "DIR" }),
    ),
    backend: repeated(
      choice("Where to compute. Default: auto.", ["auto", "reference", "cpu", "webgpu"]),
    ),
    webgpu: webgpuFlag,
    precision: choice(
      "Number format for matrix products; reduced formats have wider tolerances. Default: float32.",
      precisions,
    ),
    failures: toggle("Print only what is out of tolerance."),
    markdown: path("Also write the comparison as a Markdown page.", { placeholder: "FILE" }),
    json: toggle("Print a single JSON document instead of text."),
  },
  examples: [
    ["parity", "the compact set on the best backend"],
    ["parity --backend reference --precision float16", "how close mixed precision is"],
    [
      "parity --fixtures fixtures --backend cpu --backend webgpu --markdown parity.md",
      "a folder of golden numbers on two backends, as a page",
    ],
  ],
  async run({ flags }, context) {
    const { listFixtures } = await import("../../bench/parity/compare_fixtures.ts");
    const { bundledFixtures } = await import("../../bench/parity/fixture_folder.ts");
    const { openFixtureFolders } = await import("../running/fixture_folder.ts");
    const { fixtures, precision = "float32" } = flags;
    const folder = fixtures.length === 0 ? bundledFixtures() : openFixtureFolders(fixtures);
    if (listFixtures(folder, { precision }).length === 0) {
      throw new UserError(`Cannot compare "${fixtures.join('", "')}": it holds no known fixture`, {
        hint: "names start with mim_forward, vqkd, finetune, …: see tests/fixtures/parity",
      });
    }
    const results: BackendParity[] = [];
    const names = flags.backend.length > 0 ? flags.backend : ["auto" as const];
    for (const name of names) {
      // What needs no backend is compared once.
      const skipsBackendFree = results.length > 0;
      const options = { precision, skipsBackendFree, implementation: flags.webgpu };
      const result = await compareOn(name, folder, options, context);
      results.push(result);
      if (!flags.json) await printRows(result, flags.failures, context);
    }
    const isWithin = results.every(({ rows }) => rows.every(({ ok }) => ok));
    if (flags.json) context.printJson({ ok: isWithin, precision, results });
    if (flags.markdown !== undefined) {
      const given = [
        ...fixtures.map((directory) => `--fixtures ${directory}`),
        ...names.map((name) => `--backend ${name}`),
        ...flags.webgpu === undefined ? [] : [`--webgpu ${flags.webgpu}`],
        ...precision === "float32" ? [] : [`--precision ${precision}`],
      ];
      await writePage(flags.markdown, results, given, context);
    }
    return isWithin ? exitCodes.done : 1;
  },
});
