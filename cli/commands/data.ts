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
    "Decodes every image in all splits and reports which cannot be read and why, how large they are, " +
    "how many each class has, which files are identical, which look alike (perceptual hash), and which " +
    "of these are in both training and evaluation. A page shows them.\n\n" +
    "--exclude-list writes a list for `--set data.exclude=FILE`: unreadable images, copies, " +
    "and training images that are also in the evaluation split. Without splits, the tenth that " +
    "training holds out is used for evaluation.",
  arguments: {
    path: required("PATH", 'Images: a folder, a .tar or .zip file, or "sample".'),
  },
  flags: {
    out: path("The page to write; default: data-check.html.", { placeholder: "FILE", short: "o" }),
    excludeList: path("Write a list of images to exclude to this file.", { placeholder: "FILE" }),
    quiet: toggle("Show only the result.", { short: "q" }),
    json: toggle("Print all findings as one JSON document."),
  },
  examples: [
    ["data check ~/photos", "a page with pictures"],
    ["data check ~/photos --exclude-list exclude.txt", "and a list of what to exclude"],
    ["pretrain --data ~/photos --set data.exclude=exclude.txt", "training without them"],
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
  summary: "Examine images before training",
  description: "Problems in a data set cost less before training than after it.",
  commands: [check],
};
