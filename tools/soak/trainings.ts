/**
 * The five trainings as runs of a second or two that save and measure all the time.
 *
 * @module
 */

/** Where a tiny run finds what it needs. */
export interface TrainingPlaces {
  /** Pictures in class folders, in `train` and `val`. */
  readonly data: string;
  readonly tokenizer: string;
  readonly pretrained: string;
}

/** Commands that train, in an order in which each finds what the ones before it have made. */
export const trainingCommands = [
  "tokenizer",
  "pretrain",
  "finetune",
  "linear-probe",
  "segment",
] as const;

/** A command that trains. */
export type TrainingCommand = typeof trainingCommands[number];

const everywhere = [
  "data.workers=0",
  "data.cacheBytes=0",
  "backend.name=cpu",
  "backend.threads=1",
  "precision=float32",
  "batchSize=4",
];

const vision = [
  "model.imageSize=16",
  "model.embedDim=16",
  "model.depth=2",
  "model.heads=2",
  "model.mlpRatio=1",
];

/** `KEY=VALUE` texts of each training: 16 steps of four images on a model of width 16. */
export function tinyTrainings(
  { data, tokenizer, pretrained }: TrainingPlaces,
): Readonly<Record<TrainingCommand, readonly string[]>> {
  return {
    tokenizer: [
      ...everywhere,
      ...vision,
      `data.source=${data}`,
      "data.evaluationSplit=none",
      "codebook.codes=32",
      "codebook.codeDim=4",
      "codebook.restartIdleSteps=3",
      "codebook.usageWindow=5",
      "teacher.hog.fitImages=16",
      "teacher.hog.localComponents=8",
      "teacher.hog.globalComponents=4",
      "schedule.steps=16",
    ],
    pretrain: [
      ...everywhere,
      ...vision,
      `data.source=${data}`,
      "data.evaluationSplit=val",
      `tokenizer.checkpoint=${tokenizer}`,
      "model.earlyLayers=1",
      "model.headLayers=1",
      "model.codes=32",
      "model.dropPathRate=0.1",
      "mask.ratio=0.4",
      "mask.minBlock=2",
      "schedule.steps=16",
      "evaluation.knn.every=1",
      "evaluation.linear.atEnd=false",
      "evaluation.baselines=false",
    ],
    finetune: [
      ...everywhere,
      ...vision,
      `data.source=${data}`,
      "data.evaluationSplit=val",
      `pretrained=${pretrained}`,
      "augment.testResize=18",
      "ema.decay=0.9",
      "augment.mixing.mixup=0.8",
      "schedule.steps=16",
      "evaluateEveryEpochs=1",
    ],
    "linear-probe": [
      ...everywhere,
      `data.source=${data}`,
      "data.evaluationSplit=val",
      `pretrained=${pretrained}`,
      "augment.size=16",
      "probe.epochs=4",
    ],
    segment: [
      ...everywhere,
      ...vision,
      "data.source=shapes",
      `pretrained=${pretrained}`,
      "augment.size=16",
      "augment.resize=[64,24]",
      "augment.stride=12",
      "segmentation.channels=2",
      "segmentation.auxiliaryChannels=1",
      "segmentation.outBlocks=[0,0,1,1]",
      "schedule.steps=16",
      "schedule.warmupSteps=2",
      "evaluateEverySteps=6",
    ],
  };
}

/** Words of a command line for `KEY=VALUE` texts. */
export function settings(overrides: readonly string[]): string[] {
  return overrides.flatMap((override) => ["--set", override]);
}
