/**
 * What computes for the page: a backend, a tokenizer, a model and pictures. It runs in a worker, so that the
 * page never waits for it.
 *
 * @module
 */

import { tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import { type BackendName, createBackend } from "../../backends/mod.ts";
import type { GivenFile } from "../../checkpoints/store/given_files.ts";
import { UserError } from "../../core/errors.ts";
import type { RgbImage } from "../../data/images/image.ts";
import type { PretrainConfig } from "../../methods/beit/config.ts";
import { bundledTokenizers } from "../../methods/vqkd/load_tokenizer.ts";
import { gridSize } from "../../models/beit_config.ts";
import { maskedPositions } from "../../models/masked_image_model.ts";
import { encodePixels, imageTensor } from "../../pipeline/tokenize.ts";
import { codeColors } from "../../tasks/tokens/token_pictures.ts";
import { attentionSheet } from "../../tasks/visualize/attention_sheet.ts";
import { pcaSheet } from "../../tasks/visualize/pca_sheet.ts";
import type { ShownBatch } from "../../tasks/visualize/shown_images.ts";
import { CodeSheet } from "./code_sheet.ts";
import { knownImages } from "./known_images.ts";
import { loadFiles, type StudioModel, type StudioTokenizer } from "./load_files.ts";
import { cropViews, maskOf, shownPictures, squarePixels } from "./shown_pictures.ts";
import type {
  BackendFacts,
  CodeView,
  CropView,
  LoadedFacts,
  ModelFacts,
  PredictionView,
  SheetView,
  TokenizerFacts,
  TokenView,
} from "./views.ts";

/** The codes of larger images are learnt from the page's own pictures only. */
const largestKnown = 64;

/** The file of a bundled tokenizer, which the page's host has. */
async function fetchTokenizer(name: string): Promise<Blob> {
  return await (await fetch(bundledTokenizers[name])).blob();
}

/** A bundled tokenizer from its file. */
async function bundledTokenizer(
  on: Context,
  name: string,
  content: Blob,
): Promise<StudioTokenizer> {
  const found = await loadFiles(on, [{ path: `${name}.safetensors`, content }]);
  if (found.kind !== "tokenizer") throw new Error(`${name} is not a tokenizer`);
  return { ...found.tokenizer, name };
}

/** See the module comment. */
export class Studio {
  readonly #on: Context;
  readonly #config: PretrainConfig;
  readonly #pictures = new Map<string, RgbImage>();
  readonly facts: BackendFacts;
  #tokenizer: StudioTokenizer;
  #codes: CodeSheet;
  #hasKnown = false;
  #model: StudioModel | null = null;

  private constructor(
    on: Context,
    config: PretrainConfig,
    facts: BackendFacts,
    tokenizer: StudioTokenizer,
  ) {
    this.#on = on;
    this.#config = config;
    this.facts = facts;
    this.#tokenizer = tokenizer;
    this.#codes = new CodeSheet(tokenizer.tokenizer.config);
  }

  /** A studio with the tokenizer of the quick start, which is bundled. */
  static async start(backendName: BackendName, config: PretrainConfig): Promise<Studio> {
    const { checkpoint } = config.tokenizer;
    const [started, content] = await Promise.all([
      createBackend(backendName),
      fetchTokenizer(checkpoint),
    ]);
    const { backend, notes } = started;
    const on: Context = { backend, precision: "float32" };
    const tokenizer = await bundledTokenizer(on, checkpoint, content);
    const { name, capabilities: { description } } = backend;
    return new Studio(on, config, { name, description, notes }, tokenizer);
  }

  addPicture(id: string, image: RgbImage): void {
    this.#pictures.set(id, image);
  }

  removePicture(id: string): void {
    this.#pictures.delete(id);
    this.#codes.remove(id);
  }

  /** Takes the model or the tokenizer of files in place of the one in use; with a model its tokenizer, if bundled. */
  async load(files: readonly GivenFile[]): Promise<LoadedFacts> {
    const found = await loadFiles(this.#on, files);
    if (found.kind === "tokenizer") this.#takeTokenizer(found.tokenizer);
    else {
      this.#model?.dispose();
      this.#model = found.model;
      const { tokenizer = "" } = found.model;
      if (Object.hasOwn(bundledTokenizers, tokenizer) && tokenizer !== this.#tokenizer.name) {
        const content = await fetchTokenizer(tokenizer);
        this.#takeTokenizer(await bundledTokenizer(this.#on, tokenizer, content));
      }
    }
    const model = this.#model === null ? null : this.#modelFacts(this.#model);
    return { tokenizer: await this.tokenizerFacts(), model, loaded: found.kind };
  }

  #takeTokenizer(tokenizer: StudioTokenizer): void {
    this.#tokenizer.tokenizer.dispose();
    this.#tokenizer = tokenizer;
    this.#codes = new CodeSheet(tokenizer.tokenizer.config);
    this.#hasKnown = false;
  }

  async tokenizerFacts(): Promise<TokenizerFacts> {
    const { name, tokenizer } = this.#tokenizer;
    const { imageSize, patchSize, codes, codeDim } = tokenizer.config;
    const vectors = Float32Array.from(await tokenizer.vectors.data());
    const colors = codeColors(vectors, codeDim);
    return { name, imageSize, grid: imageSize / patchSize, codes, colors };
  }

  /** The visual tokens of all pictures. */
  async tokens(): Promise<TokenView[]> {
    const { imageSize } = this.#tokenizer.tokenizer.config;
    const pixels = squarePixels([...this.#pictures.values()], imageSize);
    const codes = await this.#encode(pixels, this.#pictures.size);
    const [bytes, patches] = [pixels, codes].map(({ length }) => length / this.#pictures.size);
    return Array.from(this.#pictures.keys(), (id, index) => {
      const data = pixels.slice(index * bytes, (index + 1) * bytes);
      const own = codes.slice(index * patches, (index + 1) * patches);
      this.#codes.add(id, data, own);
      return { id, picture: { width: imageSize, height: imageSize, data }, codes: own };
    });
  }

  /** A code by what carries it among the bundled clothes and the page's pictures. */
  async code(code: number): Promise<CodeView> {
    await this.#learnCodes();
    return this.#codes.view(code);
  }

  /** Random crops of all pictures, as pretraining takes them; another seed, other crops and masks. */
  crops(seed: number): CropView[] {
    const model = this.#model;
    const grid = model === null ? this.#tokenizerGrid : gridSize(model.config);
    return cropViews(this.#pictures, this.#config, { grid, seed });
  }

  /** Masks every picture and predicts the codes of what is masked. */
  async predict(seed: number): Promise<PredictionView[]> {
    const model = this.#requireModel();
    const reason = this.#whyNoPredictions(model);
    if (reason !== null || model.masked === null) throw new UserError(reason ?? "");
    await this.#learnCodes();
    const { masked, config, preparation: { normalization, interpolation } } = model;
    const views = await this.tokens();
    const images = [...this.#pictures.values()];
    const patches = this.#tokenizerGrid ** 2;
    const mask = new Uint8Array(images.length * patches);
    for (let index = 0; index < images.length; index++) {
      mask.set(maskOf(this.#config, this.#tokenizerGrid, seed, index), index * patches);
    }
    const pixels = squarePixels(images, config.imageSize, interpolation);
    const best = this.#on.backend.run(() =>
      tf.tidy(() => {
        const seen = imageTensor(pixels, images.length, config.imageSize, normalization);
        const { patches } = masked.encode(this.#on, seen, { mask, dropPath: null });
        return tf.argMax(masked.logits(this.#on, patches), -1);
      })
    );
    const found = await best.data();
    best.dispose();
    const predicted = new Int32Array(mask.length).fill(-1);
    for (const [index, place] of maskedPositions(mask).entries()) predicted[place] = found[index];
    return views.map(({ id, picture, codes }, index) => {
      const part = [index * patches, (index + 1) * patches] as const;
      const [ownMask, own] = [mask.slice(...part), predicted.slice(...part)];
      const draw = (from: Int32Array) =>
        this.#codes.drawn(picture.data, (patch) => ownMask[patch] === 1 ? from[patch] : null);
      return {
        ...{ id, picture, mask: ownMask, targets: codes, predicted: own },
        ...{ drawn: draw(own), best: draw(codes) },
      };
    });
  }

  /** Attention maps of a block for every picture: the mean of the heads, then each. */
  async attention(layer: number, patch: readonly [number, number] | null): Promise<SheetView> {
    const model = this.#requireModel();
    const choice = { layer, heads: null, patch };
    return viewOf(
      await attentionSheet(this.#on, model, { batches: [this.#shown(model)] }, choice),
    );
  }

  /** The principal components of a block's features over all pictures, as colours. */
  async features(layer: number): Promise<SheetView> {
    const model = this.#requireModel();
    return viewOf(
      await pcaSheet(this.#on, model, { batches: [this.#shown(model)] }, layer),
    );
  }

  get #tokenizerGrid(): number {
    const { imageSize, patchSize } = this.#tokenizer.tokenizer.config;
    return imageSize / patchSize;
  }

  #requireModel(): StudioModel {
    if (this.#model !== null) return this.#model;
    throw new UserError("Cannot look into a model: there is none yet");
  }

  #shown({ config: { imageSize: size }, preparation }: StudioModel): ShownBatch {
    return shownPictures(this.#pictures, { size, ...preparation });
  }

  #whyNoPredictions({ masked, name, config }: StudioModel): string | null {
    if (masked === null) return `${name} has no head that predicts codes`;
    const { codes } = this.#tokenizer.tokenizer.config;
    const [ours, theirs] = [this.#tokenizerGrid, gridSize(config)];
    if (config.codes === codes && ours === theirs) return null;
    return `${name} predicts ${config.codes} codes on ${theirs} × ${theirs} patches, and the ` +
      `tokenizer has ${codes} codes on ${ours} × ${ours}: load the tokenizer that it was trained with`;
  }

  #modelFacts(model: StudioModel): ModelFacts {
    const { name, config, parameters: { count } } = model;
    const { imageSize, depth, heads } = config;
    return {
      ...{ name, imageSize, depth, heads, grid: gridSize(config), parameters: count },
      noPredictions: this.#whyNoPredictions(model),
    };
  }

  async #encode(pixels: Uint8Array, size: number): Promise<Int32Array> {
    const { tokenizer, normalization } = this.#tokenizer;
    const { imageSize } = tokenizer.config;
    const seen = { pixels, size, imageSize };
    const ids = this.#on.backend.run(() =>
      tf.tidy(() => encodePixels(this.#on, tokenizer, normalization, seen))
    );
    const values = Int32Array.from(await ids.data());
    ids.dispose();
    return values;
  }

  /** Tokenises some of the bundled clothes, once, so that a code is more than a few patches. */
  async #learnCodes(): Promise<void> {
    const { imageSize } = this.#tokenizer.tokenizer.config;
    if (this.#hasKnown || imageSize > largestKnown) return;
    this.#hasKnown = true;
    for await (const { pixels, size, ids } of knownImages(this.#config.data, imageSize)) {
      const codes = await this.#encode(pixels, size);
      const [bytes, patches] = [pixels.length / size, codes.length / size];
      for (const [index, id] of ids.entries()) {
        this.#codes.add(
          `sample ${id}`,
          pixels.slice(index * bytes, (index + 1) * bytes),
          codes.slice(index * patches, (index + 1) * patches),
        );
      }
    }
  }
}

function viewOf({ columns, rows }: SheetView): SheetView {
  return { columns, rows: rows.map(({ id, pictures }) => ({ id, pictures })) };
}
