/** `data`: examines data sets. */
import { dirname } from "node:path";
import { messageOf, UserError } from "../../core/errors.ts";
import {
  type CommandGroup,
  defineCommand,
  exitCodes,
  path,
  required,
  toggle,
} from "../parsing/command.ts";
import { openProgress } from "../screen/progress.ts";

function write(file: string, text: string): void {
  try {
    Deno.mkdirSync(dirname(file), { recursive: true });
    Deno.writeTextFileSync(file, text);
  } catch (cause) {
    throw new UserError(`Cannot write "${file}": ${messageOf(cause)}`, { cause });
  }
}

const check = defineCommand({
  name: "check",
  summary: "Find unreadable and duplicate images before training",
  description:
    "Decodes every image of all splits: which cannot be read and why, how large they are, " +
    "how many each class has; which files are the same, which look alike (perceptual hash), and which " +
    "of them are in training and evaluation. A page shows them.\n\n" +
    "--exclude-list writes the list that `--set data.exclude=FILE` takes: what is unreadable, copies, " +
    "and the training images that are in the evaluation as well. Without splits the tenth that " +
    "training holds out is the evaluation.",
  arguments: {
    path: required("PATH", 'Images: a folder, a .tar or .zip file, or "sample".'),
  },
  flags: {
    out: path("The page to write; default data-check.html.", { placeholder: "FILE", short: "o" }),
    excludeList: path("Write the list of images to leave out there.", { placeholder: "FILE" }),
    quiet: toggle("Show the result only.", { short: "q" }),
    json: toggle("Print everything that was found as one JSON document."),
  },
  examples: [
    ["data check ~/photos", "a page with pictures"],
    ["data check ~/photos --exclude-list exclude.txt", "and a list of what to leave out"],
    ["pretrain --data ~/photos --set data.exclude=exclude.txt", "training without those"],
  ],
  async run({ flags, arguments: { path } }, context) {
    const { out = "data-check.html", excludeList: list } = flags;
    const { checkData, excludeList } = await import("../../tasks/data_check/data_check.ts");
    const { checkFigures, dataCheckPage } = await import(
      "../../tasks/data_check/data_check_page.ts"
    );
    const progress = openProgress(10, flags.quiet);
    try {
      const { listener } = progress;
      const { signal } = context;
      const found = await checkData({ source: path, signal, listener });
      if (found.interrupted) {
        progress.close();
        context.note("Interrupted: nothing was written");
        return exitCodes.interrupted;
      }
      write(out, await dataCheckPage(found));
      if (list !== undefined) write(list, excludeList(found));
      progress.close();
      if (flags.json) return context.printJson({ ...found, page: out });
      for (const note of found.notes) context.print(note);
      for (const { id, reason } of found.unreadable.slice(0, 10)) {
        context.print(`${JSON.stringify(id)}: ${reason}`);
      }
      if (found.unreadable.length > 10) {
        context.print(`… and ${found.unreadable.length - 10} more that cannot be read`);
      }
      const figures = checkFigures(found);
      const width = Math.max(...figures.map(([name]) => name.length));
      for (const [name, value] of figures) context.print(`${name.padEnd(width)}  ${value}`);
      context.print(`The page is ${out}`);
      if (list !== undefined) {
        context.print(`Leave out what ${list} names with --set data.exclude=${list}`);
      }
    } finally {
      progress.close();
    }
  },
});

/** The commands for data sets. */
export const data: CommandGroup = {
  name: "data",
  summary: "Look at images before training",
  description: "What is wrong with a data set costs less before training than after it.",
  commands: [check],
};
