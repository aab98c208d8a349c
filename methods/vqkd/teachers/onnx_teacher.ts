/**
 * A vision model in an ONNX file as a teacher: its images are resized and normalised as it was
 * trained, and its features resampled to the tokenizer's patches.
 *
 * @module
 */

import { type Tensor, tf } from "../../../deps/tfjs.ts";
import type { Context } from "../../../backends/backend.ts";
import { linear } from "../../../backends/ops/linear.ts";
import { withoutGradient } from "../../../backends/tfjs/without_gradient.ts";
import { resolveWeights } from "../../../checkpoints/hub/download.ts";
import {
  OnnxModel,
  type OnnxPass,
  runtimesFor,
  sharedFloats,
} from "../../../checkpoints/onnx/onnx_model.ts";
import { readVisionFile, type VisionFile } from "../../../checkpoints/onnx/vision_file.ts";
import { contentKey } from "../../../checkpoints/store/feature_cache.ts";
import { hashFile } from "../../../checkpoints/tensors/hash_file.ts";
import { UserError } from "../../../core/errors.ts";
import { normalizeToTensorData } from "../../../data/images/normalize.ts";
import { resize } from "../../../data/images/resize.ts";
import type { NamedValues } from "../../../models/parameter_set.ts";
import {
  imagenetStatistics,
  type Teacher,
  type TeacherImages,
} from "../../../models/teachers/teacher.ts";
import {
  type FeatureShape,
  joinRows,
  toPatchRows,
} from "../../../models/teachers/to_patch_rows.ts";
import { fitWhitening, type Whitening } from "../../../models/teachers/whitening.ts";
import { firstViews } from "./first_views.ts";
import type { OnnxSettings } from "./onnx_settings.ts";
import { featureShapes, wantedOutputs } from "./onnx_features.ts";
import type { TeacherRun } from "./teacher_kind.ts";

/** How images become a model's input, and its outputs features. */
export interface OnnxFeatures {
  /** Patches along a side of the tokenizer. */
  readonly side: number;
  readonly pass: OnnxPass;
  /** Height and width of the model's images. */
  readonly size: number;
  /** In byte units, per channel. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly filter: "bicubic" | "bilinear" | "lanczos" | "box" | "hamming";
  /** One for each output. */
  readonly shapes: readonly FeatureShape[];
}

const whiteningNames = ["teacher.onnx.whiten.weight", "teacher.onnx.whiten.bias"] as const;

/** Images whose features are computed at once: enlarged, they take many times their own memory. */
const imagesAtOnce = 32;

/** Features of images of RGB bytes [B, S, S, 3] by patch, [B, side², T]. */
function featuresOf(model: OnnxModel, features: OnnxFeatures, pixels: Uint8Array, count: number) {
  const { side, pass, size, mean, std, filter, shapes } = features;
  const width = shapes.reduce((sum, { dim }) => sum + dim, 0);
  const bytes = pixels.length / count;
  const own = Math.sqrt(bytes / 3);
  const result = new Float32Array(count * side * side * width);
  for (let first = 0; first < count; first += imagesAtOnce) {
    const some = Math.min(imagesAtOnce, count - first);
    const enlarged = new Uint8Array(some * size * size * 3);
    for (let index = 0; index < some; index++) {
      const start = (first + index) * bytes;
      const image = { width: own, height: own, data: pixels.slice(start, start + bytes) };
      const { data } = resize(image, { width: size, height: size, interpolation: filter });
      enlarged.set(data, index * data.length);
    }
    const input = sharedFloats(enlarged.length);
    input.set(normalizeToTensorData(enlarged, some, size, mean, std));
    const lengths = shapes.map(({ grid, prefix, dim }) => (grid * grid + prefix) * dim);
    const outputs = model.run(pass, input, [some, 3, size, size], lengths);
    const parts = outputs.map((output, index) => toPatchRows(output, shapes[index], side));
    result.set(joinRows(parts, shapes.map(({ dim }) => dim)), first * side * side * width);
  }
  return { rows: result, width };
}

/** Computes features with an opened model. */
export class OnnxTeacher implements Teacher {
  readonly name = "onnx";
  readonly targetDim: number;
  readonly parameterCount: number;
  readonly #model: OnnxModel;
  readonly #features: OnnxFeatures;
  readonly #file: VisionFile;
  readonly #state: ReadonlyMap<string, NamedValues>;
  readonly #layer: readonly Tensor[];

  constructor(
    on: Context,
    model: OnnxModel,
    file: VisionFile,
    features: OnnxFeatures,
    whitening: Whitening | null,
  ) {
    const { shapes } = features;
    this.#model = model;
    this.#features = features;
    this.#file = file;
    this.parameterCount = Math.round(file.bytes / 4);
    this.targetDim = whitening?.weight.shape[0] ?? shapes.reduce((sum, { dim }) => sum + dim, 0);
    const values = whitening === null ? [] : [whitening.weight, whitening.bias];
    this.#state = new Map(values.map((value, index) => [whiteningNames[index], value]));
    this.#layer = on.backend.run(() =>
      values.map(({ shape, values }) => tf.keep(tf.tensor(values, [...shape])))
    );
  }

  /** pixels [B, S, S, 3] → [B, N, T]. */
  targets(on: Context, { pixels, images01 }: TeacherImages): Tensor {
    const count = images01.shape[0];
    const { rows, width } = featuresOf(this.#model, this.#features, pixels, count);
    const [targets] = withoutGradient(() => {
      const features = tf.tensor(rows, [count, rows.length / count / width, width]);
      if (this.#layer.length === 0) return [features];
      const exact: Context = { ...on, precision: "float32" };
      return [linear(exact, features, this.#layer[0], this.#layer[1])];
    });
    return targets;
  }

  state(): Map<string, NamedValues> {
    return new Map(this.#state);
  }

  /** In place of the weights themselves, which onnxruntime holds: a hash of the files and the settings. */
  weights(): Promise<ReadonlyMap<string, NamedValues>> {
    const { path } = this.#file;
    const files = [path, `${path}_data`, `${path}.data`];
    const hashes = files.map((file) => {
      try {
        return hashFile(file);
      } catch (error) {
        if (file === path) throw error;
        return "";
      }
    });
    const key = contentKey(...hashes, JSON.stringify(this.#features));
    const values = Float32Array.from(key, (character) => character.charCodeAt(0));
    return Promise.resolve(
      new Map([...this.#state, ["teacher.onnx.file", { shape: [values.length], values }]]),
    );
  }

  dispose(): void {
    this.#model.close();
    tf.dispose([...this.#layer]);
  }
}

/** The whitening of a resumed run, or a new one. */
async function whiteningOf(
  run: TeacherRun<OnnxSettings>,
  model: OnnxModel,
  features: OnnxFeatures,
): Promise<Whitening | null> {
  const { whiten, fitImages } = run.settings;
  if (whiten === null) return null;
  const [weight, bias] = whiteningNames.map((name) => run.kept?.get(name));
  if (weight !== undefined && bias !== undefined) return { weight, bias };
  const { pixels, count } = await firstViews(run, fitImages);
  const { rows, width } = featuresOf(model, features, pixels, count);
  return fitWhitening(rows, width, whiten);
}

/** Opens the model that a config names. */
export async function openOnnxTeacher(run: TeacherRun<OnnxSettings>): Promise<OnnxTeacher> {
  const { on, config, settings, listener, downloads } = run;
  const { checkpoint } = config.teacher;
  if (checkpoint === null) {
    throw new UserError("Cannot load the onnx teacher: teacher.checkpoint is not set", {
      hint: "give the file itself: --teacher model.onnx",
    });
  }
  const file = await readVisionFile(await resolveWeights(checkpoint, downloads));
  const { name: backend, capabilities } = on.backend;
  const model = await OnnxModel.open(file.path, {
    runtimes: runtimesFor(settings.runtime, backend === "webgpu"),
    threads: backend === "webgpu" ? navigator.hardwareConcurrency : capabilities.threads,
  });
  try {
    const outputs = wantedOutputs(file, settings.outputs);
    const { input, isHalf, batch, preparation } = file;
    const pass = { input, isHalf, batch, outputs: outputs.map(({ name }) => name) };
    const side = config.model.imageSize / config.model.patchSize;
    const { size, shapes } = await featureShapes({
      ...{ file, outputs, side, settings },
      probe: (size) => model.probe(pass, size),
    });
    const mean = settings.mean ?? preparation.mean ?? imagenetStatistics.mean;
    const deviation = settings.deviation ?? preparation.deviation ?? imagenetStatistics.deviation;
    const features: OnnxFeatures = {
      ...{ side, pass, size, shapes },
      mean: mean.map((value) => value * 255),
      std: deviation.map((value) => value * 255),
      filter: preparation.filter ?? "bicubic",
    };
    const grids = outputs.map(({ name }, index) => {
      const { grid, dim } = shapes[index];
      return `${name} (${grid} × ${grid} places of ${dim})`;
    });
    listener({
      type: "note",
      message: `The teacher sees ${size} px and gives ${
        grids.join(", ")
      }; onnxruntime: ${model.runtime}`,
    });
    return new OnnxTeacher(on, model, file, features, await whiteningOf(run, model, features));
  } catch (error) {
    model.close();
    throw error;
  }
}
