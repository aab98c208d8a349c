/** `evaluate`: accuracy of a classifier. */
import { plural } from "../../core/number_formats.ts";
import { defineCommand, toggle } from "../parsing/command.ts";
import { jobFlags } from "../parsing/job_flags.ts";
import {
  inferenceOptions,
  labelledDataFlags,
  modelFlags,
  percent,
} from "../parsing/model_flags.ts";
import { accuracyText } from "../screen/plan.ts";

function share(value: number | null): string {
  return value === null ? "–" : percent(value);
}

/** The matrix with class names before its rows; columns are numbered like the rows. */
function confusionLines(
  classes: readonly { readonly name: string }[],
  confusion: readonly (readonly number[])[],
): string[] {
  const numbers = classes.map((_, index) => String(index + 1));
  const names = classes.map(({ name }, index) => `${numbers[index]} ${name}`);
  const left = Math.max(...names.map((name) => name.length));
  const cell = Math.max(...[...numbers, ...confusion.flat()].map((text) => String(text).length));
  const line = (head: string, cells: readonly (string | number)[]) =>
    `${head.padEnd(left)}  ${cells.map((text) => String(text).padStart(cell)).join(" ")}`;
  return [line("", numbers), ...confusion.map((row, index) => line(names[index], row))];
}

/** Evaluates a classifier. */
export const evaluate = defineCommand({
  name: "evaluate",
  summary: "Measure the accuracy of a classifier",
  description: "Runs a fine-tuned model in any known format on labelled images: top-1, top-5, a " +
    "table of the classes and, with --confusion or --json, the confusion matrix.\n\n" +
    "A run directory means its last checkpoint; its best one is RUN/best.safetensors.",
  flags: {
    ...modelFlags,
    ...jobFlags,
    data: labelledDataFlags.data,
    testSplit: labelledDataFlags.testSplit,
    confusion: toggle(
      "Print the confusion matrix: a row for each class, a column for each answer.",
    ),
  },
  examples: [
    ["evaluate --checkpoint runs/finetune_quickstart", "on the run's test images"],
    ["evaluate --checkpoint beitv2_ft.pth --data data/imagenet --json", "a published model"],
  ],
  async run({ flags }, context) {
    const { options, close } = inferenceOptions(flags);
    const communicator = await context.job.join(flags);
    try {
      const { evaluate } = await import("../../tasks/evaluate.ts");
      const result = await evaluate({ ...options, communicator });
      if (communicator.rank > 0) return;
      if (flags.json) return context.printJson(result);
      const width = Math.max(...result.classes.map(({ name }) => name.length), "class".length);
      context.print(`${"class".padEnd(width)}  images    recall  precision  confused with`);
      for (const { name, images, recall, precision, confusedWith } of result.classes) {
        const cells = [
          name.padEnd(width),
          String(images).padStart(6),
          share(recall).padStart(8),
          share(precision).padStart(9),
          confusedWith ?? "–",
        ];
        context.print(cells.join("  "));
      }
      if (flags.confusion) {
        context.print("\nconfusion matrix: a row for each class, a column for each answer");
        for (const line of confusionLines(result.classes, result.confusion)) context.print(line);
        context.print("");
      }
      const { images, classes } = result;
      context.print(
        `${accuracyText(result, classes.length)}  on ${images} ${plural(images, "image")}`,
      );
    } finally {
      close();
    }
  },
});
