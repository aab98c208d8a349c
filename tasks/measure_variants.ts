/**
 * The accuracy of a classifier's exported files, in onnxruntime.
 *
 * @module
 */
import {
  OnnxModel,
  type OnnxPass,
  runtimesFor,
  sharedFloats,
} from "../checkpoints/onnx/onnx_model.ts";
import type { DataConfig } from "../configs/sections/data.ts";
import { UserError } from "../core/errors.ts";
import { normalizeToTensorData } from "../data/images/normalize.ts";
import type { Source } from "../data/sources/source.ts";
import type { RunListener } from "../pipeline/engine/events.ts";
import { bestClass, ClassificationCounter } from "../pipeline/evaluation/classification.ts";
import { batchesOf } from "../pipeline/evaluation/collect_features.ts";
import { checkpointPreparation } from "../pipeline/images/checkpoint_preparation.ts";
import { openEvaluationSource } from "../pipeline/images/data_sources.ts";
import { type Preparation, testTransform, withData } from "../pipeline/images/preparation.ts";
import { requireLabels } from "../pipeline/images/require_labels.ts";
import { requireClasses } from "./evaluate.ts";

/** What to measure on. */
export interface MeasureOptions {
  /** Keys of the `data` section that override those of the checkpoint's run. */
  readonly data?: Partial<DataConfig>;
  /** Receives notes, warnings and progress. */
  readonly listener?: RunListener;
}

/** Shares of the test images, in [0, 1]. */
export interface VariantAccuracy {
  readonly top1: number;
  readonly top5: number;
  /** Images that it gives the same class as the first variant. */
  readonly agreement: number;
}

/** The images that something was measured on. */
export interface TestedOn {
  /** Where they are from, with their split. */
  readonly name: string;
  readonly images: number;
}

/** The classifier that is exported. */
interface ExportedClassifier {
  /** Where it is from. */
  readonly checkpoint: string;
  readonly kind: string;
  readonly classes: number | undefined;
  readonly classNames: readonly string[] | null;
  readonly imageSize: number;
}

const pass: OnnxPass = { input: "pixel_values", isHalf: false, batch: null, outputs: ["logits"] };

const batch = 64;

/** Labelled images, as a classifier's own run tests it on them. */
export class VariantTest {
  readonly #source: Source;
  readonly #classes: number;
  readonly #preparation: Preparation;
  readonly #size: number;
  readonly #listener: RunListener;

  private constructor(
    source: Source,
    classes: number,
    size: number,
    preparation: Preparation,
    listener: RunListener,
  ) {
    this.#source = source;
    this.#classes = classes;
    this.#size = size;
    this.#preparation = preparation;
    this.#listener = listener;
  }

  /** @throws UserError if it is no classifier, or there are no images with its classes */
  static async open(
    model: ExportedClassifier,
    { data = {}, listener = () => {} }: MeasureOptions,
  ): Promise<VariantTest> {
    const { checkpoint, kind, classes, imageSize } = model;
    if (kind !== "finetune") {
      throw new UserError(`Cannot evaluate "${checkpoint}": it has no classifier`, {
        hint: `fine-tune it first: deno task finetune --checkpoint ${checkpoint}`,
      });
    }
    const found = await checkpointPreparation(checkpoint);
    const preparation = { ...found, data: withData(found.data, data) };
    const source = await openEvaluationSource(preparation.data, listener);
    try {
      requireLabels(source, preparation.data.evaluationSource ?? preparation.data.source);
      requireClasses(model, source.classes, listener);
      return new VariantTest(source, classes!, imageSize, preparation, listener);
    } catch (error) {
      source.close?.();
      throw error;
    }
  }

  /** For each file its accuracy, the first one's being what others are compared with; one pass over the images. */
  async measure(
    paths: readonly string[],
  ): Promise<{ on: TestedOn; accuracies: VariantAccuracy[] }> {
    const models: OnnxModel[] = [];
    const classes = this.#classes;
    const counters = paths.map(() => new ClassificationCounter(classes));
    const agreeing = paths.map(() => 0);
    let seen = 0;
    try {
      for (const path of paths) {
        const threads = navigator.hardwareConcurrency;
        models.push(await OnnxModel.open(path, { runtimes: runtimesFor("auto", false), threads }));
      }
      for await (const { pixels, size, imageSize, labels } of this.#batches()) {
        const { mean, std } = this.#preparation.normalization;
        const images = sharedFloats(pixels.length);
        images.set(normalizeToTensorData(pixels, size, imageSize, mean, std));
        const results = models.map((model) =>
          model.run(pass, images, [size, 3, imageSize, imageSize], [classes])[0]
        );
        for (const [index, logits] of results.entries()) {
          counters[index].add({ logits, labels });
          for (let first = 0; first < logits.length; first += classes) {
            const best = (all: Float32Array) => bestClass(all.subarray(first, first + classes));
            if (best(logits) === best(results[0])) agreeing[index]++;
          }
        }
        seen += size;
      }
    } finally {
      for (const model of models) model.close();
    }
    const counts = await Promise.all(counters.map((counter) => counter.counts()));
    const { evaluationSource, source } = this.#preparation.data;
    const place = evaluationSource ?? source;
    const { split } = this.#source;
    const name = split === undefined ? place : `${place}/${split}`;
    return {
      on: { name, images: counts[0].images },
      accuracies: counts.map(({ images, correct, correctFive }, index) => ({
        top1: correct / images,
        top5: correctFive / images,
        agreement: agreeing[index] / seen,
      })),
    };
  }

  /** Closes the images. */
  close(): void {
    this.#source.close?.();
  }

  #batches() {
    return batchesOf(this.#source, {
      data: this.#preparation.data,
      transform: testTransform(this.#preparation, this.#size),
      listener: this.#listener,
      batch,
      what: "Evaluating",
    });
  }
}
