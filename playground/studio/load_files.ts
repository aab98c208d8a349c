/** Models and tokenizers from files, for the studio. @module */

import type { Context } from "../../backends/backend.ts";
import { type ModelCheckpoint, modelOfFiles, requireWhole } from "../../checkpoints/open_model.ts";
import { type GivenFile, openGivenFiles } from "../../checkpoints/store/given_files.ts";
import { toFloat32 } from "../../checkpoints/tensors/tensor_data.ts";
import type { Normalization } from "../../data/images/normalize.ts";
import { tokenizerNameOf, tokenizerOf } from "../../methods/vqkd/load_tokenizer.ts";
import { MaskedImageModel, maskedImageModelSpecs } from "../../models/masked_image_model.ts";
import { initialiseFrom, type NamedValues } from "../../models/parameter_set.ts";
import type { VqkdTokenizer } from "../../models/vqkd_tokenizer.ts";
import { normalizations } from "../../pipeline/images/normalizations.ts";
import {
  type Preparation,
  preparationFrom,
  preparationOfConfig,
  storedRunOf,
} from "../../pipeline/images/preparation.ts";
import {
  configOfShape,
  encoderOf,
  type LoadedEncoder,
  readOpened,
} from "../../pipeline/weights/load_encoder.ts";

/** A tokenizer and how its images are normalised. */
export interface StudioTokenizer {
  readonly name: string;
  readonly tokenizer: VqkdTokenizer;
  readonly normalization: Normalization;
}

/** A model; `masked` is the whole of it if it was pretrained, with its head. */
export interface StudioModel extends LoadedEncoder {
  readonly name: string;
  readonly masked: MaskedImageModel | null;
  readonly preparation: Preparation;
  /** The tokenizer whose codes it predicts, if that is bundled or published; undefined if it is not known. */
  readonly tokenizer: string | undefined;
}

/** What files held. */
export type StudioFiles =
  | { readonly kind: "tokenizer"; readonly tokenizer: StudioTokenizer }
  | { readonly kind: "model"; readonly model: StudioModel };

/** What the page calls it: the chosen folder, or the file. */
function nameOf(files: readonly GivenFile[], path: string): string {
  const folder = files.length > 1 ? path.split("/")[0] : "";
  return folder === "" ? path.slice(path.lastIndexOf("/") + 1) : folder;
}

/** The encoder with the head that predicts codes; the aggregation branch is only for training. */
async function maskedModel(
  on: Context,
  opened: ModelCheckpoint,
  name: string,
): Promise<MaskedImageModel> {
  const { shape, tensors, report } = opened;
  const config = { ...configOfShape(shape), codes: shape.codes! };
  const wanted = new Set(maskedImageModelSpecs(config).map((spec) => spec.name));
  requireWhole({
    ...report,
    missing: report.missing.filter((tensor) => wanted.has(tensor)),
    wrongShape: report.wrongShape.filter((tensor) => wanted.has(tensor.name)),
  }, `the model "${name}"`);
  const values = new Map<string, NamedValues>();
  for (const [tensor, content] of tensors) {
    if (!wanted.has(tensor)) continue;
    const read = toFloat32(await content.read());
    values.set(tensor, { shape: content.shape, values: read });
  }
  return MaskedImageModel.create(on, config, initialiseFrom(values, null));
}

/**
 * Loads what files hold onto a backend.
 *
 * @throws UserError if they hold no model that is known
 */
export async function loadFiles(on: Context, files: readonly GivenFile[]): Promise<StudioFiles> {
  const { files: found, run } = await openGivenFiles(files);
  const opened = modelOfFiles(found);
  const name = nameOf(files, found.path);
  try {
    if (opened.kind === "tokenizer") {
      const normalization = run === undefined
        ? normalizations.half
        : preparationOfConfig(run).normalization;
      const tokenizer = await tokenizerOf(on, opened, name);
      return { kind: "tokenizer", tokenizer: { name, tokenizer, normalization } };
    }
    const preparation = run !== undefined || opened.preprocessing === undefined
      ? preparationOfConfig(run)
      : preparationFrom(opened.preprocessing);
    const masked = opened.kind === "pretrain" ? await maskedModel(on, opened, name) : null;
    const loaded = masked === null ? encoderOf(on, await readOpened(opened, name)) : null;
    const { encoder, config, parameters } = (masked ?? loaded)!;
    return {
      kind: "model",
      model: {
        name,
        masked,
        encoder,
        config,
        parameters,
        preparation,
        tokenizer: opened.tokenizer ?? tokenizerNameOf(storedRunOf(run)),
        dispose: () => (masked ?? loaded)!.dispose(),
      },
    };
  } finally {
    opened.close();
  }
}
