/** What the JSON files next to a hub's weights say: Hugging Face's, or timm's. */

import { dirname, join } from "node:path";
import { messageOf, UserError } from "../../core/errors.ts";
import { withoutMark } from "../../core/text_lines.ts";
import type { ModelFormat } from "../formats/model_format.ts";
import type { ModelShape } from "../formats/model_shape.ts";
import { cropShareOf, type Preprocessing, type ResizeFilter } from "./preprocessing.ts";
import { exists } from "../path_kinds.ts";

type Json = Readonly<Record<string, unknown>>;

/** What is known about a model beyond its tensors. */
export interface ModelNotes {
  readonly format?: ModelFormat;
  readonly shape?: Partial<ModelShape>;
  /** How its images are preprocessed. */
  readonly preprocessing?: Preprocessing;
  /** Its class names, by number. */
  readonly classNames?: readonly string[];
  /** The tokenizer whose codes it predicts, bundled or published, by name. */
  readonly tokenizer?: string;
}

/** A file that holds a single JSON object. */
export function readJson(path: string): Json {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    throw new UserError(`Cannot read "${path}": ${messageOf(error)}`, { cause: error });
  }
  return jsonOf(text, path);
}

/** The JSON object in a file's text; `path` is for messages. */
export function jsonOf(text: string, path: string): Json {
  try {
    const value: unknown = JSON.parse(withoutMark(text));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  } catch {
    // The parser's message may span several lines of the file.
  }
  throw new UserError(`Cannot read "${path}": it is not a JSON object`);
}

function objectIn(json: Json, key: string): Json {
  const value = json[key];
  return typeof value === "object" && value !== null ? value as Json : {};
}

function numberIn(json: Json, key: string): number | undefined {
  return typeof json[key] === "number" ? json[key] : undefined;
}

/** The fields that are known. */
function known<T extends object>(fields: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  const found = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(found) as never;
}

/** Three numbers, one per channel, or one for all of them; undefined otherwise. */
export function channels(value: unknown): [number, number, number] | undefined {
  const list = Array.isArray(value) ? value : [value];
  if (!list.every((item) => typeof item === "number" && Number.isFinite(item))) return undefined;
  if (list.length === 1) return [list[0], list[0], list[0]];
  return list.length === 3 ? [list[0], list[1], list[2]] : undefined;
}

/** Names by number, from a list or a table; undefined if they are only numbers. */
export function namesIn(value: unknown): string[] | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const count = Object.keys(value).length;
  const names = Array.from({ length: count }, (_, id) => (value as Json)[id]);
  if (!names.every((name): name is string => typeof name === "string")) return undefined;
  return names.every((name, id) => name === `LABEL_${id}`) ? undefined : names;
}

/** Pillow's numbers for its filters. */
const FILTERS: Readonly<Record<number, ResizeFilter>> = {
  1: "lanczos",
  2: "bilinear",
  3: "bicubic",
  4: "box",
  5: "hamming",
};

/** Pillow's number for a filter. */
export function filterNumber(filter: ResizeFilter): number {
  return Number(Object.keys(FILTERS).find((number) => FILTERS[Number(number)] === filter));
}

/** A side from `224`, `{ shortest_edge }` or `{ height, width }`. */
function sideIn(value: unknown): { side?: number; isShortest: boolean | null } {
  if (typeof value === "number") return { side: value, isShortest: null };
  if (typeof value !== "object" || value === null) return { isShortest: null };
  const shortest = numberIn(value as Json, "shortest_edge");
  if (shortest !== undefined) return { side: shortest, isShortest: true };
  return { ...known({ side: numberIn(value as Json, "height") }), isShortest: false };
}

/** Processors that read a single number as the shorter edge; the others stretch the image to a square. */
const CUTS = /CLIP|ChineseCLIP|ConvNext|Bit|DeiT|MobileNet|EfficientFormer/;

/** Height and width of the images that a Hugging Face `preprocessor_config.json` makes, if it says so. */
export function huggingFaceSize(path: string): number | undefined {
  const { size, crop_size, do_center_crop } = readJson(path);
  return (do_center_crop === true ? sideIn(crop_size).side : undefined) ?? sideIn(size).side;
}

/** What a Hugging Face `preprocessor_config.json` says; 1/255 maps bytes to [0, 1]. */
export function huggingFacePreprocessing(path: string, json = readJson(path)): Preprocessing {
  const resample = numberIn(json, "resample") ?? 3;
  const interpolation = FILTERS[resample];
  if (interpolation === undefined) {
    throw new UserError(
      `Cannot prepare images as "${path}" says: its "resample" is ${resample}, expected 1 to 5`,
      { hint: "set it to 3 (bicubic) there if that will do" },
    );
  }
  const kind = String(json.image_processor_type ?? json.feature_extractor_type ?? "");
  const { side, isShortest } = sideIn(json.size);
  const crop = json.do_center_crop === true ? sideIn(json.crop_size).side ?? side : side;
  const isNormalised = json.do_normalize !== false;
  const scale = json.do_rescale === false
    ? 255
    : 1 / (255 * (numberIn(json, "rescale_factor") ?? 1 / 255));
  const scaled = (values: [number, number, number]) =>
    values.map((value) => value * scale) as [number, number, number];
  const mean = isNormalised ? channels(json.image_mean) : [0, 0, 0] as [number, number, number];
  const deviation = isNormalised ? channels(json.image_std) : [1, 1, 1] as [number, number, number];
  if (mean === undefined || deviation === undefined) {
    throw new UserError(
      `Cannot prepare images as "${path}" says: expected "image_mean" and "image_std" of three numbers`,
    );
  }
  return {
    mean: scaled(mean),
    standardDeviation: scaled(deviation),
    cropShare: side === undefined || crop === undefined || json.do_resize === false
      ? 1
      : cropShareOf(crop, side),
    interpolation,
    ...(isShortest ?? CUTS.test(kind) ? {} : { squashes: true }),
  };
}

/** Reads what a timm config or one of our exports says about images; undefined if nothing. */
export function timmPreprocessing(config: Json): Preprocessing | undefined {
  const [mean, standardDeviation] = [channels(config.mean), channels(config.std)];
  const interpolation = Object.values(FILTERS).find((name) => name === config.interpolation);
  if (mean === undefined || standardDeviation === undefined) return undefined;
  return {
    mean,
    standardDeviation,
    cropShare: numberIn(config, "crop_pct") ?? 0.875,
    interpolation: interpolation ?? "bicubic",
    ...(config.crop_mode === "squash" ? { squashes: true } : {}),
  };
}

/** Activations by the names that Hugging Face and timm use. */
const ACTIVATIONS: Readonly<Record<string, ModelShape["activation"]>> = {
  gelu: "gelu",
  quick_gelu: "quickGelu",
  gelu_pytorch_tanh: "geluTanh",
  gelu_tanh: "geluTanh",
};

function activationIn(path: string, key: string, value: unknown): ModelShape["activation"] {
  if (value === undefined || value === null) return undefined;
  if (Object.hasOwn(ACTIVATIONS, String(value))) return ACTIVATIONS[String(value)];
  throw new UserError(
    `Cannot load the model of "${path}": its "${key}" is ${JSON.stringify(value)}, expected ` +
      Object.keys(ACTIVATIONS).join(", "),
  );
}

function timmNotes(path: string, config: Json): ModelNotes {
  const args = objectIn(config, "model_args");
  const pretrained = objectIn(config, "pretrained_cfg");
  const size = pretrained.input_size;
  const pool = args.global_pool ?? config.global_pool;
  const isQuick = String(config.architecture).includes("quickgelu");
  return {
    format: "timm",
    shape: known({
      heads: numberIn(args, "num_heads"),
      imageSize: numberIn(args, "img_size") ?? (Array.isArray(size) ? size[1] : undefined),
      activation: activationIn(path, "act_layer", args.act_layer) ??
        (isQuick ? "quickGelu" : "gelu"),
      pooling: pool === "avg" ? "normThenMean" : undefined,
    }),
    ...known({
      preprocessing: timmPreprocessing(pretrained),
      classNames: namesIn(config.label_names ?? pretrained.label_names),
    }),
  };
}

function huggingFaceNotes(path: string, config: Json, processor: Json | undefined): ModelNotes {
  // CLIP and SigLIP have one config per modality; the class names are outside.
  const model = config.vision_config === undefined ? config : objectIn(config, "vision_config");
  return {
    format: "huggingface",
    shape: known({
      heads: numberIn(model, "num_attention_heads"),
      imageSize: numberIn(model, "image_size"),
      layerScaleInitValue: numberIn(model, "layer_scale_init_value"),
      normEpsilon: numberIn(model, "layer_norm_eps"),
      activation: activationIn(path, "hidden_act", model.hidden_act),
    }),
    ...known({
      preprocessing: processor === undefined
        ? undefined
        : huggingFacePreprocessing(join(dirname(path), PROCESSOR_FILE), processor),
      classNames: namesIn(config.id2label),
    }),
  };
}

/** Hugging Face's names of the models that can be opened. */
const MODEL_TYPES =
  /^(beit|vit|vit_mae|deit|dinov2(_with_registers)?|(clip|siglip)(_vision_model)?)$/;

/** Names that hubs give the weight file next to their configs, in the order to look for them. */
export const HUB_WEIGHTS = ["model.safetensors", "pytorch_model.bin"] as const;

/** The file next to a Hugging Face model that says how images are prepared. */
export const PROCESSOR_FILE = "preprocessor_config.json";

/** What the configs of a hub folder say; nothing if it is not one, or is for an unknown model. */
export function readHubFolder(folder: string): ModelNotes {
  const path = join(folder, "config.json");
  if (!exists(path)) return {};
  const processor = join(folder, PROCESSOR_FILE);
  return hubNotes(path, readJson(path), exists(processor) ? readJson(processor) : undefined);
}

/** What a hub's `config.json` and the file about its images say; `path` is for messages. */
export function hubNotes(path: string, config: Json, processor?: Json): ModelNotes {
  if (typeof config.architecture === "string") return timmNotes(path, config);
  return MODEL_TYPES.test(String(config.model_type))
    ? huggingFaceNotes(path, config, processor)
    : {};
}
