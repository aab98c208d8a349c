/** `visualize`: pictures of masks, views, attention and features. */
import { tasks } from "../../methods/mod.ts";
import { join } from "node:path";
import { messageOf, UserError } from "../../core/errors.ts";
import type { PretrainConfig } from "../../methods/beit/config.ts";
import type { PictureSheet } from "../../report/picture_sheet.ts";
import { any, choice, defineCommand, integer, path, repeated, text } from "../parsing/command.ts";
import { type ConfigFlagValues, configOf, recipeFlags } from "../parsing/config_flags.ts";
import { inferenceOptions, modelFlags } from "../parsing/model_flags.ts";
import { storedConfig } from "../running/stored_config.ts";

const kinds = ["masks", "views", "attention", "pca"] as const;
type Kind = typeof kinds[number];

/** The patch of `--patch 3,5`. */
function patchOf(words: string | undefined): readonly [number, number] | undefined {
  if (words === undefined) return undefined;
  const found = words.match(/^(\d+),(\d+)$/);
  if (found !== null) return [Number(found[1]), Number(found[2])];
  throw new UserError(`Cannot read the patch "${words}": expected ROW,COLUMN`, {
    hint: "such as --patch 3,5, counted from 0",
  });
}

/** The pretraining config for drawing views and masks; undefined if a run is of another task. */
async function pretrainConfig(
  flags: ConfigFlagValues & { readonly checkpoint: string | undefined },
): Promise<PretrainConfig | undefined> {
  const { checkpoint } = flags;
  const { isOfRun } = await import("../../pipeline/images/preparation.ts");
  const stored = checkpoint === undefined || flags.config.length > 0
    ? null
    : isOfRun(checkpoint)
    ? storedConfig(checkpoint)
    : null;
  if (stored !== null && stored.config.task !== "pretrain") return undefined;
  if (stored === null && checkpoint !== undefined && flags.config.length === 0) return undefined;
  return (await configOf("pretrain", { set: flags.set, config: flags.config }, stored ?? undefined))
    .config;
}

/** Side in pixels of a shown picture: its own, or a multiple if it is small. */
function sideOf({ rows }: PictureSheet): number {
  const { width } = rows[0].pictures[0];
  return width * Math.max(1, Math.ceil(160 / width));
}

/** Creates the folder before anything is computed for it. */
function makeFolder(folder: string): void {
  try {
    Deno.mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new UserError(`Cannot create the folder "${folder}": ${messageOf(error)}`, {
      hint: "give another with --out",
      cause: error,
    });
  }
}

async function writeSheet(sheet: PictureSheet, file: string): Promise<void> {
  const { encodePng } = await import("../../report/png.ts");
  const { sheetPicture } = await import("../../report/sheet_picture.ts");
  try {
    Deno.writeFileSync(file, await encodePng(sheetPicture(sheet, sideOf(sheet))));
  } catch (error) {
    throw new UserError(`Cannot write "${file}": ${messageOf(error)}`, { cause: error });
  }
}

/** Draws pictures. */
export const visualize = defineCommand({
  name: "visualize",
  summary: "Draw masks, augmented views, attention maps and features",
  description: "Writes one PNG for each kind of picture, with a row for each image:\n" +
    "masks      pretraining views with the masked patches\n" +
    "views      the encoder's and the tokenizer's view of the same crops\n" +
    "attention  what a block's heads attend to, from the cls token or from a patch\n" +
    "pca        three principal components of a block's patch features, as colours\n\n" +
    "masks and views need only a config: the run's, or --config. If no images are given, those of " +
    "the run or the recipe are shown.",
  arguments: {
    images: any("IMAGES", "Image files, or a single folder or archive."),
  },
  flags: {
    ...recipeFlags(tasks.pretrain.schema),
    ...modelFlags,
    show: repeated(choice("What to draw; default: everything possible.", kinds)),
    out: path("Folder for the pictures; default: pictures.", { placeholder: "DIR", short: "o" }),
    count: integer("Number of images, spread evenly over those given; default: 6.", { minimum: 1 }),
    draws: integer("Draws of masks and views; default: 3.", { minimum: 1 }),
    layer: integer("Block, from 0, or from the end with -1; default: the last."),
    head: repeated(integer("Head, from 0; default: all.", { minimum: 0 })),
    patch: text("The query patch, from 0; default: the cls token.", {
      placeholder: "ROW,COLUMN",
    }),
  },
  examples: [
    ["visualize --checkpoint runs/quickstart", "everything, on the run's images"],
    [
      "visualize photos --checkpoint runs/photos --show attention --layer 2 --head 0 --patch 3,3",
      "one head of one block",
    ],
    ["visualize --config quickstart --show masks --show views", "before there is a model"],
  ],
  async run({ flags, arguments: { images } }, context) {
    const { checkpoint, count, draws, layer, head, out = "pictures" } = flags;
    const patch = patchOf(flags.patch);
    const config = await pretrainConfig(flags);
    const possible: Kind[] = [
      ...(config === undefined ? [] : ["masks", "views"] as const),
      ...(checkpoint === undefined ? [] : ["attention", "pca"] as const),
    ];
    makeFolder(out);
    const { options, close } = inferenceOptions({ ...flags, checkpoint: checkpoint ?? "" });
    try {
      const { visualize } = await import("../../tasks/visualize/visualize.ts");
      const sheets = await visualize({
        ...options,
        checkpoint,
        config,
        images: images.length === 0 ? undefined : images,
        show: flags.show.length === 0 ? possible : flags.show,
        count,
        draws,
        layer,
        heads: head.length === 0 ? undefined : head,
        patch,
      });
      const written = [];
      for (const [kind, sheet] of sheets) {
        const file = join(out, `${kind}.png`);
        await writeSheet(sheet, file);
        const rows = sheet.rows.map(({ id }) => id);
        written.push({ kind, file, columns: sheet.columns, rows, figures: sheet.figures });
      }
      if (flags.json) return context.printJson(written);
      for (const { kind, file, columns, rows } of written) {
        context.print(
          `${kind}: ${file}, ${rows.length} rows of: ${columns.join(", ")}`,
        );
      }
    } finally {
      close();
    }
  },
});
