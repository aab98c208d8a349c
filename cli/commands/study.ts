/** `study`: compares pretraining arms, with mean and spread over seeds. */
import { UserError } from "../../core/errors.ts";
import type { StudyEvent } from "../../bench/study/run_study.ts";
import { readTextFile, writeTextFile } from "../../checkpoints/store/result_store.ts";
import type { StudyState } from "../../bench/study/run_study.ts";
import { defineCommand, exitCodes, path, repeated, text, toggle } from "../parsing/command.ts";
import { openProgress } from "../screen/progress.ts";

/** `NAME=PATH` texts as a map. */
function filesOf(given: readonly string[], flag: string, example: string): Map<string, string> {
  return new Map(given.map((pair) => {
    const split = pair.indexOf("=");
    if (split < 1) {
      throw new UserError(`Cannot use ${flag} ${pair}: expected NAME=PATH`, {
        hint: `for example ${flag} ${example}`,
      });
    }
    return [pair.slice(0, split), pair.slice(split + 1)] as const;
  }));
}

const plainSeconds = 60;

/** Runs a study. */
export const study = defineCommand({
  name: "study",
  summary: "Compare pretraining with training from scratch, and its variants with each other",
  description: "Trains tokenizers, pretrains every arm with every seed, measures k-NN and linear " +
    "accuracy of the features, fine-tunes with few and all labels, and writes a page with means, " +
    "spreads and figures. Arms, budgets and their order are data: the file that --config names.\n\n" +
    "It takes hours. Every part is kept: stop it with Ctrl-C and run the same command again to continue. " +
    "To use two cores, run the command twice: the processes share the parts.",
  flags: {
    config: path("The study; default: the bundled configs/studies/study.jsonc.", {
      placeholder: "FILE",
      short: "c",
    }),
    data: repeated(text(
      "Images for one of the study's data sets: a folder with train and val, a .tar or a .zip file. " +
        "A data set without images is left out.",
      { placeholder: "NAME=PATH" },
    )),
    teacher: repeated(text(
      "File of one of the study's teachers, such as a .onnx file. Arms whose teacher is not given are left out.",
      { placeholder: "NAME=PATH" },
    )),
    out: path("Folder for results and run directories; default: runs/study.", {
      placeholder: "DIR",
      short: "o",
    }),
    page: path(
      "The page; figures and raw results go into a folder of the same name. Default: docs/study.md.",
      {
        placeholder: "FILE",
      },
    ),
    dryRun: toggle("List the parts and which of them have a result, then stop."),
    quiet: toggle("Show only warnings and results.", { short: "q" }),
    json: toggle("Print all results as one JSON document."),
  },
  examples: [
    ["study", "on the bundled images"],
    ["study --data cifar10=cifar10-25k.zip", "and on photographs"],
    [
      "study --data cifar10=cifar10-25k.zip --teacher lite0=efficientnet_lite0_features.onnx",
      "and with a teacher that knows what is in an image",
    ],
    ["study --data cifar10=cifar10-25k.zip --dry-run", "what is done and what remains"],
  ],
  async run({ flags }, context) {
    const { readStudy } = await import("../../configs/study.ts");
    const { runStudy, studyState, writeResults } = await import("../../bench/study/run_study.ts");
    const { studyPage } = await import("../../bench/study/study_page.ts");
    const study = await readStudy(flags.config);
    const page = flags.page ?? "docs/study.md";
    const folder = page.replace(/\.md$/, "");
    const results = `${folder}/results.json`;
    const progress = openProgress(plainSeconds, flags.quiet);
    const listener = (event: StudyEvent) => {
      if (event.type === "part") {
        progress.line(`Part ${event.done + 1} of ${event.of}: ${event.part.id}`);
      } else if (event.type === "progress") progress.listener(event);
      else if (event.type === "run") {
        if (event.event.type !== "note") progress.listener(event.event);
      } else if (event.type === "result") {
        const { figures, features } = event.result;
        progress.line(`  ${JSON.stringify(figures ?? features)}`);
      }
    };
    const options = {
      sources: filesOf(flags.data, "--data", "cifar10=cifar10.zip"),
      teachers: filesOf(flags.teacher, "--teacher", "lite0=lite0.onnx"),
      directory: flags.out ?? "runs/study",
      results,
      listener,
      signal: context.signal,
    };
    const command = [
      "deno task study",
      ...(flags.config === undefined ? [] : [`--config ${flags.config}`]),
      ...flags.data.map((pair) => `--data ${pair.replace(/=.*[/\\]/, "=")}`),
      ...flags.teacher.map((pair) => `--teacher ${pair.replace(/=.*[/\\]/, "=")}`),
    ].join(" ");
    try {
      if (flags.dryRun) {
        const { parts, results } = await studyState(study, options);
        if (flags.json) return context.printJson({ parts: parts.map(({ id }) => id) });
        for (const { id } of parts) context.print(`${results.has(id) ? "done" : "left"}  ${id}`);
        return;
      }
      const write = (state: StudyState) => {
        writeResults(results, study, command, state);
        const made = studyPage({
          study,
          state,
          command,
          config: flags.config ?? "configs/studies/study.jsonc",
          folder: folder.replace(/^.*\//, ""),
          notes: readTextFile(`${folder}/notes.md`),
        });
        for (const [name, picture] of made.pictures) writeTextFile(`${folder}/${name}`, picture);
        writeTextFile(page, made.markdown);
      };
      const outcome = await runStudy(study, options, write);
      write(outcome);
      if (flags.json) context.printJson({ parts: [...outcome.results.values()] });
      else context.print(`The page is ${page}, the raw results are ${results}`);
      if (!outcome.interrupted) return;
      context.note("Interrupted and saved. Run the same command to resume.");
      return exitCodes.interrupted;
    } finally {
      progress.close();
    }
  },
});
