/** For each config key another value, and what a small run needs for it to show. */

/** Another value of a key, and what both runs have beside it. */
export interface OptionChange {
  /** The value as `--set` takes it; by task where it differs. */
  readonly to: string | Readonly<Record<string, string>>;
  /** Overrides of both runs, without which the key has nothing to act on. */
  readonly given?: readonly string[];
}

/** A key that by design changes neither number nor file: the test that looks at what it does. */
export interface SeenElsewhere {
  readonly test: string;
  /** What stands in that test's file. */
  readonly by: string;
}

const amp = ["precision=amp", "backend.name=reference", "schedule.maxSteps=2"];
const onnx = new URL("../../fixtures/onnx/", import.meta.url).pathname;
const taught = (path: string) => [
  "teacher.name=onnx",
  `teacher.checkpoint=${onnx}${path}`,
  "teacher.onnx.runtime=wasm",
];
const convolutional = taught("cnn.onnx");
const cached = ["augment.cropsPerImage=1", "teacher.cache.directory=FOLDER/cache"];
const trained = ["augment.randomErasing.probability=1"];
const warm = ["schedule.warmupRatio=0.5", "schedule.warmupSteps=2"];
const knn = ["evaluation.knn.atEnd=true"];
const faint = [...knn, "data.source=FOLDER/faint"];
// Classifiers that have learned something, so that single images change sides.
const fast = ["optimizer.lr=0.05", "schedule.warmupRatio=0"];
const deep = ["schedule.maxSteps=2"];

/** Sizes of the tiny model in FOLDER. */
const asModel = ["model.depth=2", "model.earlyLayers=1"];

const evaluatedLater = {
  test: "tests/pipeline/images/preparation_test.ts",
  by: "data.evaluationSource",
};

/** Where a key of one task shows in another way. */
export const changesInTask: typeof optionChanges = {
  // A tokenizer is evaluated by `tokens-report`, which looks at its run's images.
  "tokenizer data.evaluationSource": evaluatedLater,
  "tokenizer data.evaluationSplit": evaluatedLater,
  "tokenizer data.evaluationListFile": evaluatedLater,
  "segment data.source": "FOLDER/maps2",
  "segment data.split": "validation",
  "segment data.evaluationSource": "FOLDER/maps2",
  "segment data.evaluationSplit": "training",
  "segment data.onError": { to: "skip", given: ["data.source=FOLDER/broken"] },
  "finetune augment.randAugment.operations": "5",
  "finetune model.usesSharedRelativePositionBias": "true",
  "segment model.usesSharedRelativePositionBias": "true",
  "linearProbe pretrained": "FOLDER/other/model.safetensors",
  "pretrain pretrained": { to: "FOLDER/model.safetensors", given: asModel },
};

/** A value alone, or with what it needs. `FOLDER` is the test's own. */
export const optionChanges: Readonly<Record<string, string | OptionChange | SeenElsewhere>> = {
  seed: "1",
  variant: "mmselfsup",
  microBatchSize: "2",
  recompute: { to: "1", given: ["model.embedDim=256", "microBatchSize=4"] },
  precision: { to: "amp", given: amp.slice(1) },
  output: "FOLDER/elsewhere",
  batchSize: "3",
  "lossScale.initial": { to: "1024", given: amp },
  "lossScale.growthInterval": { to: "1", given: amp },
  "checkpoint.everySteps": "2",
  "checkpoint.everyEpochs": { to: "0.25", given: ["checkpoint.everySteps=null"] },
  "checkpoint.keepLast": { to: "1", given: ["checkpoint.everySteps=1"] },
  "checkpoint.keepEvery": { to: "1", given: ["checkpoint.everySteps=1", "checkpoint.keepLast=1"] },
  "log.everySteps": "2",
  "log.progressSeconds": { test: "tests/cli/screen/progress_test.ts", by: "plainSeconds" },
  "log.report": "false",
  "log.reportSeconds": "7",
  "log.tensorBoard": "false",
  "guard.failureBundle": {
    to: "false",
    given: [
      "precision=float32",
      "optimizer.lr=1e30",
      "probe.lr=1e30",
      "schedule.warmupEpochs=0",
    ],
  },
  "guard.stalledSteps": {
    test: "tests/pipeline/engine/run_method/guard_test.ts",
    by: "guard.stalledSteps",
  },
  "guard.starvedShare": {
    test: "tests/pipeline/engine/run_method/guard_test.ts",
    by: "guard.starvedShare",
  },
  "guard.spareCheckpoints": "1000000000000",
  "backend.name": "reference",
  "backend.threads": "2",
  "backend.memory": { to: "0.0001", given: ['microBatchSize="auto"'] },
  "backend.provider": "wasm",
  "backend.powerPreference": {
    test: "tests/backends/webgpu/create_webgpu_backend_test.ts",
    by: "powerPreference",
  },
  "backend.implementation": {
    test: "tests/backends/webgpu/dawn/open_dawn_test.ts",
    by: "implementation",
  },
  "distributed.wire": { test: "tests/program/ranks_training_test.ts", by: "distributed.wire" },
  "distributed.bucketMegabytes": {
    test: "tests/program/ranks_training_test.ts",
    by: "distributed.bucketMegabytes",
  },
  "distributed.overlap": {
    test: "tests/program/ranks_training_test.ts",
    by: "distributed.overlap",
  },
  "distributed.timeoutSeconds": {
    test: "tests/distributed/programs/stuck.ts",
    by: "timeoutSeconds",
  },

  "data.source": "FOLDER/others",
  "data.split": "val",
  "data.evaluationSource": { to: "FOLDER/others", given: knn },
  "data.evaluationSplit": { to: "train", given: knn },
  "data.listFile": "train.txt",
  "data.evaluationListFile": { to: "val.txt", given: knn },
  "data.labelFraction": "0.5",
  "data.workers": { test: "tests/data/loader/loader_test.ts", by: "any number of workers" },
  "data.cacheBytes": { test: "tests/data/loader/loader_test.ts", by: "cacheBytes" },
  "data.prefetch": { test: "tests/data/loader/loader_test.ts", by: "prefetch" },
  "data.onError": { to: "skip", given: ["data.source=FOLDER/broken"] },
  "data.maxSkipped": { to: "0", given: ["data.source=FOLDER/broken", "data.onError=skip"] },
  "data.maxPixels": "100",
  "data.holdOut": { to: "0.3", given: ["data.source=FOLDER/flat", ...knn] },
  "data.exclude": "FOLDER/exclude.txt",
  "data.exif": { to: "true", given: ["data.source=FOLDER/turned"] },
  "data.shuffle": "false",
  "data.dropLast": { to: "false", given: ["batchSize=5", "schedule.maxSteps=null"] },

  "augment.size": "20",
  "augment.tokenizerSize": "20",
  "augment.cropScale": "[0.9,1]",
  "augment.cropRatio": "[1,1]",
  "augment.flip": "0",
  "augment.normalization": {
    to: {
      tokenizer: "imagenet",
      pretrain: "half",
      finetune: "half",
      linearProbe: "half",
      segment: "half",
    },
  },
  "augment.tokenizerNormalization": "imagenet",
  "augment.interpolation": "cv2-area",
  "augment.jitter.brightness": "0.8",
  "augment.jitter.contrast": "0.8",
  "augment.jitter.saturation": "0.8",
  "augment.cropsPerImage": { to: "1", given: ["schedule.epochs=2", "schedule.steps=null"] },
  "augment.randAugment.operations": "0",
  "augment.randAugment.magnitude": "1",
  "augment.randAugment.magnitudeDeviation": "5",
  "augment.randAugment.probability": "1",
  "augment.randomErasing.probability": "1",
  "augment.randomErasing.area": { to: "[0.5,0.6]", given: trained },
  "augment.randomErasing.aspect": { to: "[1,1]", given: trained },
  "augment.randomErasing.variant": { to: "mmselfsup", given: trained },
  "augment.mixing.mixup": { to: "0.1", given: ["augment.mixing.switchProbability=0"] },
  "augment.mixing.cutmix": { to: "0.1", given: ["augment.mixing.switchProbability=1"] },
  "augment.mixing.switchProbability": "0",
  "augment.mixing.pairing": { to: "permutation", given: ["batchSize=6"] },
  "augment.labelSmoothing": "0.3",
  "augment.testResize": { to: "64", given: fast },
  "augment.resize": "[64,32]",
  "augment.resizeRatio": "[1,1]",
  "augment.maxClassShare": "0.3",
  "augment.photometricDistortion": "false",
  "augment.stride": "4",

  "mask.variant": {
    to: "mmselfsup",
    given: ["mask.ratio=0.75", "mask.minBlock=6", "mask.aspect=[1,1]"],
  },
  "mask.ratio": "0.5",
  "mask.maskedPatches": { to: "4", given: ["mask.ratio=null"] },
  "mask.minBlock": "4",
  "mask.maxBlock": { to: "3", given: ["mask.ratio=0.5"] },
  "mask.aspect": "[1,1]",

  "model.imageSize": "20",
  "model.patchSize": "8",
  "model.embedDim": "8",
  "model.depth": "4",
  "model.heads": "4",
  "model.mlpRatio": "3",
  "model.layerScaleInitValue": "0.5",
  "model.usesAbsolutePositions": "true",
  "model.sincosAmplitude": { to: "0.5", given: ["model.usesAbsolutePositions=true"] },
  "model.usesSharedRelativePositionBias": { to: "false", given: deep },
  "model.usesRelativePositionBias": {
    to: { finetune: "false", segment: "false", pretrain: "true" },
    given: ["model.usesSharedRelativePositionBias=false"],
  },
  "model.dropPathRate": "0.9",
  "model.dropPathTwice": { to: "true", given: ["model.dropPathRate=0.9"] },
  "model.initVariant": "unilm",
  "model.earlyLayers": "1",
  "model.headLayers": "2",
  "model.codes": "16",
  "model.classes": "5",
  "model.headInitScale": "1",
  "decoder.depth": "2",

  "tokenizer.checkpoint": "pixels",
  "tokenizer.recipe": {
    test: "tests/cli/running/train_tokenizer_first_test.ts",
    by: "tokenizer.recipe",
  },
  "tokenizer.updatesDuringPretraining": "true",

  "codebook.codes": "16",
  "codebook.codeDim": "3",
  "codebook.decay": "0.1",
  "codebook.quantizationWeight": "3",
  "codebook.kmeansIterations": "0",
  "codebook.kmeansTokensPerCode": "1",
  "codebook.restartIdleSteps": "1",
  "codebook.usageWindow": "1",
  "codebook.usageAlarm": { to: "1", given: ["codebook.usageWindow=1"] },

  method: "kMeans",
  "kMeans.tokensPerCode": { to: "8", given: ["method=kMeans"] },
  "kMeans.iterations": { to: "0", given: ["method=kMeans"] },
  "teacher.name": "clip",
  "teacher.checkpoint": { to: "FOLDER/nothing", given: ["teacher.name=beit"] },
  "teacher.hog.localComponents": "3",
  "teacher.hog.globalComponents": "2",
  "teacher.hog.globalWeight": "3",
  "teacher.hog.fitImages": "5",
  "teacher.onnx.outputs": { to: '["coarse"]', given: convolutional },
  "teacher.onnx.inputSize": { to: "24", given: convolutional },
  "teacher.onnx.prefixTokens": { to: "16", given: taught("dinov2") },
  "teacher.onnx.mean": { to: "[0,0,0]", given: convolutional },
  "teacher.onnx.deviation": { to: "[1,1,1]", given: convolutional },
  "teacher.onnx.whiten": { to: "4", given: convolutional },
  "teacher.onnx.fitImages": { to: "5", given: [...convolutional, "teacher.onnx.whiten=4"] },
  "teacher.onnx.runtime": { to: "native", given: convolutional },
  "teacher.cache.directory": { to: "FOLDER/cache", given: ["augment.cropsPerImage=1"] },
  "teacher.cache.maxBytes": { to: "0", given: cached },

  "optimizer.lr": "0.1",
  "optimizer.betas": "[0.1,0.2]",
  "optimizer.epsilon": "1",
  "optimizer.weightDecay": "0.9",
  "optimizer.clipGradNorm": "0.01",
  "optimizer.layerDecay": "0.5",
  "optimizer.lrMultipliers": '{"patch_embed":0}',
  "optimizer.noDecayRule": {
    to: "mmselfsup-ft30e",
    given: ["optimizer.weightDecay=0.9", "optimizer.lr=0.05"],
  },

  "schedule.epochs": { to: "2", given: ["schedule.steps=null"] },
  "schedule.steps": "3",
  "schedule.maxSteps": "2",
  "schedule.warmupEpochs": "0.5",
  "schedule.warmupRatio": "1",
  "schedule.warmupSteps": "1",
  "schedule.warmupStartFactor": { to: "1", given: warm },
  "schedule.power": "3",
  "schedule.minLr": "1e-4",
  "schedule.variant": {
    to: "mmselfsup",
    given: [
      'optimizer.lrMultipliers={"patch_embed":0.5}',
      "schedule.minLr=5e-4",
      "optimizer.lr=1e-2",
    ],
  },

  "evaluation.baselines": { to: "false", given: ["evaluation.knn.atEnd=true"] },
  "evaluation.knn.every": "0.25",
  "evaluation.knn.atEnd": "true",
  "evaluation.knn.k": { to: "1", given: faint },
  "evaluation.knn.temperature": { to: "0.0001", given: faint },
  "evaluation.knn.pooling": { to: "cls", given: faint },
  "evaluation.rankMe.every": "0.25",
  "evaluation.rankMe.atEnd": "true",
  "evaluation.linear.every": "0.25",
  "evaluation.linear.atEnd": "true",
  "evaluation.linear.pooling": {
    to: "cls",
    given: ["evaluation.linear.atEnd=true", "data.source=FOLDER/faint"],
  },

  "evaluation.stop.metric": {
    test: "tests/pipeline/engine/training/early_stop_test.ts",
    by: "evaluation.stop.metric",
  },
  "evaluation.stop.patience": {
    test: "tests/pipeline/engine/training/early_stop_test.ts",
    by: "evaluation.stop.patience",
  },

  pretrained: "FOLDER/model.safetensors",
  "tokenizer.codesDirectory": { to: "FOLDER/cache", given: ["augment.cropsPerImage=1"] },
  newHeads: { to: "true", given: [...asModel, "pretrained=FOLDER/model.safetensors"] },
  evaluateEveryEpochs: "0.25",
  evaluateEverySteps: "2",
  "ema.decay": "0.1",

  "probe.layers": "[0]",
  "probe.tokens": '["cls"]',
  "probe.optimizer": "lars",
  "probe.batchNorm": "true",
  "probe.lr": "0.5",
  "probe.weightDecay": "0.9",
  "probe.epochs": "2",
  "probe.warmupEpochs": "0.5",
  "probe.initDeviation": "0.5",

  "segmentation.head": "linear",
  "segmentation.classes": "9",
  "segmentation.channels": "4",
  "segmentation.outBlocks": "[1,1,1,1]",
  "segmentation.poolScales": "[1,2]",
  "segmentation.dropout": "0.8",
  "segmentation.auxiliaryWeight": "2",
  "segmentation.auxiliaryChannels": "8",
  "segmentation.reduceZeroLabel": "true",
};
