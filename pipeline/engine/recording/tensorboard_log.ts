/**
 * A run's numbers, images and weights for TensorBoard.
 *
 * @module
 */

import type { EventFile } from "../../../checkpoints/store/event_file.ts";
import { wallTime } from "../../../core/clock.ts";
import { type LazyValues, type NamedValues, valuesOf } from "../../../models/parameter_set.ts";
import type { StepMetrics } from "../events.ts";
import type { PictureSheet } from "../../../report/picture_sheet.ts";
import { sheetPicture } from "../../../report/sheet_picture.ts";
import { encodePng } from "../../../report/png.ts";
import * as events from "../../../report/tensorboard/events.ts";
import { flattenConfig, hparamsEnd, hparamsStart } from "../../../report/tensorboard/hparams.ts";
import { valueHistogram } from "../../../report/tensorboard/value_histogram.ts";

/** Steps of a run that are written; TensorBoard itself shows a thousand. */
const mostSteps = 10_000;
/** How many times in a run images and weight distributions are written. */
const mostMoments = 100;

/** Where a step's number appears: `train/loss`, `optimizer/gradNorm`, `time/stages/encode`. */
function tagOf(name: string): string {
  if (name === "learningRate" || name === "lossScale" || name === "gradNorm") {
    return `optimizer/${name}`;
  }
  if (/^(imagesPerSecond|dataTime|stepTime|stages\..*)$/.test(name)) {
    return `time/${name.replace(".", "/")}`;
  }
  return `train/${name}`;
}

/** Writes an event file. */
export class TensorBoardLog {
  readonly #file: EventFile;
  readonly #steps: number;
  #totalSteps = 0;
  #lastMoment = -Infinity;
  #isEnded = false;

  /**
   * @param file a new one for this session
   * @param step number of completed steps
   */
  constructor(file: EventFile, step: number) {
    this.#file = file;
    this.#steps = step;
    const time = wallTime();
    file.append(events.fileVersion(time));
    // A TensorBoard that is watching may have read steps that this session repeats.
    if (step > 0) file.append(events.sessionStart({ step: step + 1, time }));
  }

  #write(step: number, values: readonly events.SummaryValue[]): void {
    if (values.length > 0) this.#file.append(events.summary({ step, time: wallTime() }, values));
  }

  /** The config, by which TensorBoard compares runs. */
  start(config: object): void {
    const hparams = flattenConfig(config);
    hparams.delete("$schema");
    this.#write(this.#steps, hparamsStart({ hparams, metrics: ["train/loss"], time: wallTime() }));
  }

  /** The numbers of a step, if it is one of those that are kept. */
  step(metrics: StepMetrics, totalSteps: number): void {
    this.#totalSteps = totalSteps;
    const every = Math.ceil(totalSteps / mostSteps);
    if (metrics.step % every !== 0 && metrics.step !== totalSteps && !metrics.skipped) return;
    const values: events.SummaryValue[] = [];
    for (const [name, value] of Object.entries(metrics)) {
      if (name === "step") continue;
      if (typeof value === "number") values.push(events.scalar(tagOf(name), value));
      if (typeof value === "boolean") values.push(events.scalar(tagOf(name), value ? 1 : 0));
    }
    for (const [stage, seconds] of Object.entries(metrics.stages)) {
      values.push(events.scalar(tagOf(`stages.${stage}`), seconds));
    }
    this.#write(metrics.step, values);
  }

  /** The numbers of an evaluation. */
  evaluation(step: number, name: string, result: Readonly<Record<string, number>>): void {
    this.#write(
      step,
      Object.entries(result).map(([key, value]) =>
        events.scalar(`evaluation/${name}/${key}`, value)
      ),
    );
  }

  /**
   * All pictures in one image, and histograms of the tensors; skipped if the last time was only a moment ago.
   */
  async moment(
    step: number,
    tensors: ReadonlyMap<string, NamedValues | LazyValues>,
    sheet: PictureSheet | null,
  ): Promise<void> {
    const isLast = step === this.#totalSteps;
    if (!isLast && step - this.#lastMoment < this.#totalSteps / mostMoments) return;
    this.#lastMoment = step;
    const values: events.SummaryValue[] = [];
    for (const [name, tensor] of tensors) {
      const histogram = valueHistogram(await valuesOf(tensor));
      if (histogram !== null) values.push(events.histogram(name, histogram));
    }
    if (sheet !== null) {
      const picture = sheetPicture(sheet, 96);
      const png = await encodePng(picture);
      values.push(events.image("pictures", { ...picture, png }));
    }
    this.#write(step, values);
  }

  /** The end of the run, once. */
  end(step: number, isWhole: boolean): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#write(step, [hparamsEnd(isWhole ? "success" : "failure", wallTime())]);
  }

  close(): void {
    this.#file.close();
  }
}
