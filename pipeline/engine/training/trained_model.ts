/**
 * Everything a run trains: a method's parameters and those of the user's stages, their optimizer, their
 * average, and the stages on the device in order.
 *
 * @module
 */

import type { Context } from "../../../backends/backend.ts";
import type { RunConfig } from "../../../configs/task.ts";
import type { ParameterSet } from "../../../models/parameter_set.ts";
import { average, WeightAverage } from "./average.ts";
import type { StepOutput } from "../../batch.ts";
import { optimize } from "../../optimize/mod.ts";
import type { Updater } from "../../optimize/optimizer.ts";
import { type AnyStage, Pipeline, type Stage } from "../../stage.ts";
import type { KeptState, Training, ValueMap } from "../method.ts";
import type { OwnStages } from "../own_stages.ts";
import type { Trained } from "../resuming/run_checkpoints.ts";

const averagePrefix = "average.";

/** What is trained. */
export class TrainedModel<Batch> implements Trained {
  readonly sets: readonly ParameterSet[];
  readonly optimizer: Updater;
  /** The moving average of everything that is trained; null if the config wants none. */
  readonly averages: WeightAverage | null;
  readonly kept: readonly KeptState[];
  readonly histograms: (() => ValueMap) | undefined;
  /** From the queue to the update, with the user's stages where given. */
  readonly stages: Stage<Batch, StepOutput>;
  readonly #own: OwnStages;

  constructor(
    on: Context,
    config: RunConfig,
    training: Training<Batch, object, object>,
    own: OwnStages,
    stop: KeptState | null,
  ) {
    this.#own = own;
    this.sets = [training.parameters, own.parameters];
    const trainable = this.sets.flatMap((set) => set.trainable);
    this.optimizer = training.createOptimizer(trainable);
    const { ema = null } = config as { readonly ema?: { readonly decay: number } | null };
    const averages = ema === null ? null : WeightAverage.create(on, trainable, ema.decay);
    this.averages = averages;
    this.kept = [
      ...training.kept ?? [],
      ...(averages === null ? [] : [keptAverages(on, averages)]),
      ...(stop === null ? [] : [stop]),
    ];
    this.histograms = training.histograms;
    const stages: AnyStage[] = [
      ...training.stages.stages,
      optimize(this.optimizer, training.schedule.learningRate, config.distributed),
      ...(averages === null ? [] : [average(averages)]),
    ];
    const all = stages.map((stage) => own.instead(stage));
    this.stages = new Pipeline<Batch, StepOutput, never>(all);
  }

  dispose(): void {
    this.averages?.dispose();
    this.optimizer.dispose();
    this.#own.parameters.dispose();
  }
}

/** The averages in a checkpoint, as `average.NAME`. */
function keptAverages(on: Context, averages: WeightAverage): KeptState {
  return {
    export: () =>
      new Map(Array.from(averages.lazy(), ([name, value]) => [averagePrefix + name, value])),
    load(values) {
      const own = [...values].filter(([name]) => name.startsWith(averagePrefix));
      averages.load(
        on,
        new Map(own.map(([name, value]) => [name.slice(averagePrefix.length), value])),
      );
    },
  };
}
