/** `parity`: compares what this machine computes with the reference's golden numbers. */
import { UserError } from "../core/errors.ts";
import { choice, defineCommand, exitCodes, path, repeated, toggle } from "./_command.ts";

/** Compares golden numbers; exit code 1 where a tolerance is exceeded. */
export const parity = defineCommand({
  name: "parity",
  summary: "Compare what this machine computes with numbers of the reference code",
  description: "Runs models, losses, gradients, optimizer steps, tokenizer, augmentations and " +
    "evaluation on stored inputs and prints, for each quantity, the largest absolute and relative " +
    "error and the tolerance. Without --fixtures it takes the compact set that comes along.\n\n" +
    "Exit code 1 says that a tolerance is exceeded.",
  flags: {
    fixtures: path("Folder of golden numbers (.json and .safetensors).", { placeholder: "DIR" }),
    backend: repeated(
      choice(
        "Where to compute; may be given several times. Default: auto.",
        ["auto", "reference", "cpu", "webgpu"],
      ),
    ),
    precision: choice(
      "Number format of matrix products; reduced ones have wider tolerances. Default: float32.",
      ["float32", "float16", "bfloat16"],
    ),
    failures: toggle("Print only what is out of tolerance."),
    page: path("Write the comparison as a Markdown page.", { placeholder: "FILE" }),
    json: toggle("Print one JSON document instead of text."),
  },
  examples: [
    ["parity", "the compact set on the best backend"],
    ["parity --backend webgpu --precision float16", "how near mixed precision is"],
    [
      "parity --fixtures tests/fixtures/parity --backend reference --backend cpu --backend webgpu " +
      "--page docs/parity.md",
      "every fixture on every backend, as a page",
    ],
  ],
  async run({ flags }, context) {
    const { compareFixtures, listFixtures } = await import("../tasks/parity/compare_fixtures.ts");
    const { bundledFixtures } = await import("../tasks/parity/fixture_folder.ts");
    const { parityLines, parityPage } = await import("../tasks/parity/parity_report.ts");
    const { createBackend } = await import("../backends/mod.ts");
    const { openFixtureFolder } = await import("./_fixture_folder.ts");
    const folder = flags.fixtures === undefined
      ? bundledFixtures()
      : openFixtureFolder(flags.fixtures);
    const precision = flags.precision ?? "float32";
    if (listFixtures(folder, { precision }).length === 0) {
      throw new UserError(`Cannot compare "${flags.fixtures}": it holds no known fixture`, {
        hint: "names start with mim_forward, vqkd, finetune, …: see tests/fixtures/parity",
      });
    }
    const results = [];
    const names = flags.backend.length > 0 ? flags.backend : ["auto" as const];
    for (const name of names) {
      const { backend, notes } = await createBackend(name);
      for (const note of notes) context.note(note);
      const { description } = backend.capabilities;
      context.note(`Comparing on ${backend.name}: ${description}`);
      try {
        const options = { precision, skipsBackendFree: results.length > 0 };
        const rows = await compareFixtures(folder, backend, options);
        results.push({ backend: backend.name, description, rows });
      } finally {
        await backend.dispose();
      }
      if (flags.json) continue;
      const { rows } = results[results.length - 1];
      const shown = flags.failures ? rows.filter(({ ok }) => !ok) : rows;
      if (shown.length > 0) { for (const line of parityLines(shown)) context.print(line); }
      const failed = rows.filter(({ ok }) => !ok).length;
      context.print(`${backend.name}: ${rows.length - failed} of ${rows.length} within tolerance`);
    }
    if (flags.json) context.printJson(results);
    if (flags.page !== undefined) {
      const given = names.map((name) => ` --backend ${name}`).join("");
      const where = flags.fixtures === undefined ? "" : ` --fixtures ${flags.fixtures}`;
      const command = `deno task parity${where}${given} --page ${flags.page}`;
      await Deno.writeTextFile(flags.page, parityPage(results, command));
    }
    const isWithin = results.every(({ rows }) => rows.every(({ ok }) => ok));
    return isWithin ? exitCodes.done : 1;
  },
});
