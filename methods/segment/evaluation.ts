/**
 * Quality during segmentation training, and the best model so far.
 *
 * @module
 */

import { communicatorOf } from "../../backends/backend.ts";
import type { SegmentConfig } from "./config.ts";
import { UserError } from "../../core/errors.ts";
import { createImageDecoder, type ImageDecoder } from "../../data/images/decode.ts";
import type { RgbImage } from "../../data/images/image.ts";
import { ignoredLabel, type LabelMap } from "../../data/sources/label_map.ts";
import type { Source } from "../../data/sources/source.ts";
import type { NamedValues } from "../../models/parameter_set.ts";
import type { Segmenter } from "../../models/segmentation/segmenter.ts";
import {
  PixelCounts,
  type SegmentationQuality,
  segmentImage,
} from "../../pipeline/evaluation/segmentation.ts";
import { bestModelFile } from "../classify/evaluation.ts";
import { normalizations } from "../../pipeline/images/normalizations.ts";
import { confusionOf } from "../../pipeline/evaluation/classification.ts";
import type { DrawPictures } from "../../pipeline/engine/recording/fixed_images.ts";
import { type LabelledImage, segmentPictures } from "./pictures.ts";
import { labelName, openAnnotatedTest, readLabels } from "./data.ts";
import { UnreadableImages } from "./unreadable.ts";
import { toTensors } from "../../pipeline/weights/model_tensors.ts";
import type { Evaluation, EvaluationMoment, KeptState, Run } from "../../pipeline/engine/method.ts";

/** The best model so far. */
export interface BestSegmenter {
  /** Steps done when it was measured. */
  readonly step: number;
  /** Mean intersection over union, in [0, 1]. */
  readonly mIoU: number;
}

/** Measures a segmentation model on the evaluation split and keeps the best one. */
export class SegmentEvaluation implements Evaluation, KeptState {
  readonly #run: Run<SegmentConfig>;
  readonly #model: Segmenter;
  readonly #source: Source | null;
  readonly #unreadable: UnreadableImages;
  #best: BestSegmenter | null = null;
  #bestValue = -Infinity;
  #last: (SegmentationQuality & { readonly step: number }) | null = null;

  private constructor(run: Run<SegmentConfig>, model: Segmenter, source: Source | null) {
    this.#run = run;
    this.#model = model;
    this.#source = source;
    this.#unreadable = new UnreadableImages(run.config.data, run.listener);
  }

  /** Opens the evaluation split; says so if there is none. */
  static open(run: Run<SegmentConfig>, model: Segmenter): SegmentEvaluation {
    try {
      return new SegmentEvaluation(run, model, openAnnotatedTest(run.config.data));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      run.listener({
        type: "warning",
        kind: "noEvaluation",
        message: `No evaluation: ${error.message}`,
      });
      return new SegmentEvaluation(run, model, null);
    }
  }

  /** The result of the last evaluation; null before the first. */
  get last(): (SegmentationQuality & { readonly step: number }) | null {
    return this.#last;
  }

  get best(): BestSegmenter | null {
    return this.#best;
  }

  get finalImages(): number {
    return this.#source?.length ?? 0;
  }

  /** Whether an evaluation is due after a step. */
  isDue(step: number): boolean {
    const every = this.#run.config.evaluateEverySteps;
    return every !== null && step % every === 0;
  }

  /** Measures the model after a step and writes it to `best.safetensors` if it is the best so far. */
  async evaluate({ step }: EvaluationMoment): Promise<Readonly<Record<string, number>>> {
    if (this.#source === null) return {};
    const model = this.#model;
    const counts = await this.#measure(model, this.#source);
    const { quality } = counts;
    this.#last = { ...quality, step };
    const { labels, ...result } = quality;
    const names = labels.map(({ label }) => labelName(this.#run.config, label));
    const confusion = confusionOf(names, counts.confusion);
    this.#run.listener({ type: "evaluation", step, name: "segmentation", result, ...confusion });
    // The best is decided by the metric that may stop the run, in the form that a checkpoint keeps, so that a
    // resumed run compares the same numbers.
    const { metric } = this.#run.config.evaluation.stop ?? { metric: "mIoU" };
    const value = Math.fround(quality[metric]);
    if (this.#best === null || value > this.#bestValue) {
      this.#best = { step, mIoU: Math.fround(quality.mIoU) };
      this.#bestValue = value;
      await this.#run.writeModel(bestModelFile, toTensors(await model.parameters.export()), {
        "mimic.segmenter": JSON.stringify(model.config),
        "mimic.best": JSON.stringify(this.#best),
      });
    }
    return { ...result };
  }

  async finish(moment: EvaluationMoment): Promise<void> {
    if (this.#last?.step !== moment.step) await this.evaluate(moment);
  }

  async #measure(model: Segmenter, source: Source): Promise<PixelCounts> {
    const decoder = await createImageDecoder();
    const counts = new PixelCounts(model.config.classes);
    const communicator = communicatorOf(this.#run.on);
    let images = 0;
    for (let index = communicator.rank; index < source.length; index += communicator.size) {
      const read = await this.#read(source, decoder, index);
      if (read !== null) {
        counts.add(await this.#predict(read.image), read.labels);
        images++;
      }
      const done = Math.min(source.length, index + communicator.size);
      const what = "Evaluating this model: whole test images";
      this.#run.listener({ type: "progress", what, done, total: source.length });
    }
    if (images === 0 && communicator.rank < source.length) {
      throw new UserError("Cannot evaluate: no test image can be read");
    }
    await counts.sumOver(communicator);
    return counts;
  }

  /** An image with labels that the model supports; null if it cannot be read and may be skipped. */
  async #read(source: Source, decoder: ImageDecoder, index: number): Promise<LabelledImage | null> {
    const { segmentation: { reduceZeroLabel: isReduced }, data } = this.#run.config;
    const { classes } = this.#model.config;
    const { id, path = id } = source.entry(index);
    const { exif, maxPixels } = data;
    const read = await this.#unreadable.attempt(id, async () => {
      const image = await decoder.decode(await source.read(index), path, { exif, maxPixels });
      const labels = await readLabels(source, index, { decoder, isReduced, maxPixels });
      if (labels.width === image.width && labels.height === image.height) return { image, labels };
      throw new UserError(`Cannot evaluate "${path}": its label map has another size`);
    });
    if (read === null) return null;
    const { image, labels } = read;
    const strange = labels.data.find((label) => label >= classes && label !== ignoredLabel);
    if (strange !== undefined) {
      throw new UserError(
        `Cannot evaluate "${path}": its label map has class ${strange}, and the model has ${classes} classes`,
        {
          hint: `start again with --set segmentation.classes=${
            strange + 1
          } or more, and another --out`,
        },
      );
    }
    return { id, image, labels };
  }

  #predict(image: RgbImage): Promise<LabelMap> {
    const { config: { augment }, on } = this.#run;
    return segmentImage(on, this.#model, image, {
      edges: augment.resize,
      stride: augment.stride,
      normalization: normalizations[augment.normalization],
    });
  }

  /** Draws the model's output for held-out images; undefined if there are none. */
  get pictures(): DrawPictures | undefined {
    const source = this.#source;
    if (source === null) return undefined;
    return segmentPictures({
      length: source.length,
      read: async (index) => await this.#read(source, await createImageDecoder(), index),
      predict: (image) => this.#predict(image),
      className: (label) => labelName(this.#run.config, label),
    });
  }

  /** The best so far for a checkpoint. */
  export(): Map<string, NamedValues> {
    const values = this.#best === null ? [] : [this.#best.step, this.#best.mIoU, this.#bestValue];
    return new Map([["best", { shape: [values.length], values: Float32Array.from(values) }]]);
  }

  /** Continues from what {@link SegmentEvaluation.export} returned. */
  load(values: ReadonlyMap<string, NamedValues>): void {
    const [step, mIoU, value = mIoU] = values.get("best")?.values ?? [];
    if (step === undefined) return;
    this.#best = { step, mIoU };
    this.#bestValue = value;
  }

  close(): void {
    this.#source?.close?.();
  }
}
