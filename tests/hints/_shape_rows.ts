/** The table of hints: models, tokenizers and teachers of runs. */
import type { HintRow } from "./_row.ts";

const finetune = "finetune --data {data} {tiny} --out {out}";
const pretrain = "pretrain {tinyPretraining} --out {out}";
const segment = "segment --data {shapes} {tinySegmentation} --image-size 16 --out {out}";

/** Mistakes in the shape of what is trained. */
export const shapeRows: readonly HintRow[] = [
  {
    command: `${finetune} --set model.patchSize=5`,
    error:
      'Cannot use "model.patchSize" (--set model.patchSize=5): expected a divisor of the image ' +
      "size 16, found 5; for example --set model.patchSize=4",
    follow: { add: "--set model.patchSize=…" },
  },
  {
    command: `${finetune} --micro-batch 4`,
    error:
      'Cannot use "microBatchSize" (--micro-batch): expected a divisor of batchSize, 6, found 4; ' +
      "for example --micro-batch 3",
    follow: { add: "--micro-batch …" },
  },
  {
    command: `${finetune} --set augment.testResize=8`,
    error: 'Cannot use "augment.testResize" (…): expected at least augment.size, 16, the size ' +
      "of the crop, found 8; omit it, or give --set augment.testResize=18",
    follow: { add: "--set augment.testResize=…" },
  },
  {
    command: `${segment} --set augment.stride=40`,
    error:
      'Cannot use "augment.stride" (…): expected at most the window\'s size, augment.size, 16, ' +
      "found 40; omit it, or give --set augment.stride=10",
    follow: { add: "--set augment.stride=…" },
  },
  {
    command: `${segment} --set segmentation.outBlocks=[0,0,1,5]`,
    error:
      "Cannot build the segmenter: segmentation.outBlocks names block 5, and the encoder has 2; " +
      "blocks count from 0: give --set segmentation.outBlocks=0,0,1,1",
    follow: { add: "--set segmentation.outBlocks=…" },
  },
  {
    command: "segment --data {shapes} {tinySegmentation} --image-size 12 --out {out}",
    error: "Cannot build the segmenter: UPerNet halves the patch grid, and 3 is odd; give " +
      "--image-size 16",
    follow: { add: "--image-size …" },
  },
  {
    command: `${pretrain} --data {data} --set model.depth=2 --set model.earlyLayers=1 ` +
      "--checkpoint {model} --set model.embedDim=32",
    error: 'Cannot continue from "…": the config has model.embedDim 32, and the checkpoint 16; ' +
      "give --set model.embedDim=16",
    follow: { add: "--set model.embedDim=…" },
  },
  {
    command: `${pretrain} --set model.codes=64`,
    error: "Cannot use the tokenizer: it has 32 codes, and model.codes is 64; give --set " +
      "model.codes=32, or another --tokenizer",
    follow: { add: "--set model.codes=…" },
  },
  {
    command: `${pretrain} --set augment.tokenizerSize=32`,
    error: "Cannot use the tokenizer: it was trained at 16 px, and augment.tokenizerSize is 32; " +
      "give --set augment.tokenizerSize=16, or another --tokenizer",
    follow: { add: "--set augment.tokenizerSize=…" },
  },
  {
    command:
      `${pretrain} --set model.imageSize=24 --set model.patchSize=4 --set augment.tokenizerSize=16`,
    error:
      "Cannot use the tokenizer: it divides an image into 4 × 4 patches, the model into 6 × 6; " +
      "give --set model.imageSize=16 for a matching grid, or another --tokenizer",
    follow: { add: "--set model.imageSize=…" },
  },
  {
    command: `${pretrain} --tokenizer pixels --set tokenizer.updatesDuringPretraining=true`,
    error: "Cannot update the codebook of pixels during pretraining: it is frozen; give --set " +
      "tokenizer.updatesDuringPretraining=false",
    follow: { add: "--set tokenizer.updatesDuringPretraining=false" },
  },
  {
    command: `${pretrain} --tokenizer pixels --set augment.tokenizerSize=18`,
    error: "Cannot divide 18 px into 8 patches per side; give --set augment.tokenizerSize=16",
    follow: { add: "--set augment.tokenizerSize=…" },
  },
  {
    command: "tokenizer {tinyTokenizer} --set teacher.hog.localComponents=800 --out {out}",
    error:
      "Cannot fit the hog teacher: expected at most … local components, found 800; give --set " +
      "teacher.hog.localComponents=… or less",
    follow: { add: "--set teacher.hog.localComponents=…" },
  },
  {
    command: "tokenizer {tinyTokenizer} --teacher hogg --out {out}",
    error:
      'Cannot teach with "hogg": it is neither a known teacher nor a file; did you mean "hog"?',
    follow: { replace: "hogg", by: "hog" },
  },
  {
    command: "tokenizer {tinyTokenizer} --teacher something --out {out}",
    error:
      'Cannot teach with "something": it is neither a known teacher nor a file; give --teacher one of …, or ' +
      "a .onnx file",
    follow: { fill: "--teacher", value: "hog" },
  },
  {
    command: "tokenizer {tinyTokenizer} --teacher {onnx}cnn.onnx --set teacher.onnx.runtime=wasm " +
      "--set teacher.onnx.whiten=99 --out {out}",
    error: "Cannot whiten features of 16 values to 99 dimensions; give --set " +
      "teacher.onnx.whiten=16 or less",
    follow: { add: "--set teacher.onnx.whiten=16" },
  },
  {
    command: "tokenizer {tinyTokenizer} --teacher dino --out {out}",
    error: "Cannot load the dino teacher: teacher.checkpoint is not set; give its weights with " +
      "--set teacher.checkpoint=FILE, or use --teacher hog, which has none",
    follow: { add: "--teacher hog" },
  },
  {
    command:
      "tokenizer {tinyTokenizer} --teacher beit --set teacher.checkpoint={model} --out {out}",
    error: 'Cannot teach with "…": its patches have 4 px, the tokenizer\'s 2; give --patch-size 4',
    follow: { add: "--patch-size 4" },
  },
  {
    command: "tokenizer {tinyTokenizer} --patch-size 4 --teacher dino --set " +
      "teacher.checkpoint={model} --out {out}",
    error:
      'Cannot load the dino teacher from "…": expected a vit, found a beit; give --teacher beit',
    follow: { add: "--teacher beit" },
  },
  {
    command: "tokenizer {tinyTokenizer} --patch-size 4 --teacher beit --set " +
      "teacher.checkpoint={model} --set teacher.cache.directory={file} --out {out}",
    error: 'Cannot keep features in "…": …; give another folder with --set ' +
      "teacher.cache.directory=DIR, or null for none",
    follow: { fill: "--set", value: "teacher.cache.directory={out}/cache" },
  },
  {
    command: `${pretrain} --set augment.cropsPerImage=1 --set tokenizer.codesDirectory={file}`,
    error: 'Cannot keep codes in "…": …; give another folder with --set ' +
      "tokenizer.codesDirectory=DIR",
    follow: { fill: "--set", value: "tokenizer.codesDirectory={out}/codes" },
  },
  {
    command: "finetune --checkpoint {model} --model tiny --data {data} {tiny} --out {out}",
    error: "Cannot use --model with --checkpoint: the model is the checkpoint's; omit --model; " +
      "--image-size may differ",
    follow: { drop: "--model" },
  },
  {
    command: "pretrain {tinyPretraining} --train-tokenizer --tokenizer {tokenizer} --out {out}",
    error: "Cannot use --train-tokenizer with --tokenizer; omit one of them",
    follow: { drop: "--train-tokenizer" },
  },
  {
    command: "pretrain {tinyPretraining} --train-tokenizer --resume {out} --out {out} --set " +
      "tokenizer.recipe={tinyRecipe}",
    error: "Cannot use --train-tokenizer with --resume; omit --resume: the same command resumes " +
      "where it stopped",
    follow: { drop: "--resume" },
  },
];
