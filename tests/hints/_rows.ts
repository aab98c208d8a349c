/** The table of hints: each is met in earnest and followed to the letter by `hints_test.ts`. */
import type { HintRow } from "./_row.ts";

const finetune = "finetune --data {data} {tiny} --out {out}";
const pretrain = "pretrain {tinyPretraining} --out {out}";
const segment = "segment --data {shapes} {tinySegmentation} --image-size 16 --out {out}";

/** Mistakes in commands, flags and recipes. */
const commandRows: readonly HintRow[] = [
  {
    command: "predikt",
    error: 'Unknown command "predikt"; did you mean "predict"?',
    follow: { replace: "predikt", by: "predict" },
    next: "…; see `deno task predict --help`",
  },
  {
    command: "config show",
    error: 'Unknown command "show"; see `deno task config --help`',
    follow: { run: "deno task config --help" },
  },
  {
    command: "inspect",
    error: "…; see `deno task inspect --help`",
    follow: { run: "deno task inspect --help" },
  },
  {
    command: "completion bsh",
    error: 'Unknown shell "bsh": expected one of bash, zsh, fish; did you mean "bash"?',
    follow: { replace: "bsh", by: "bash" },
  },
  {
    command: "finetune --data {data} {tinyBut} --max-steps 1 --bach 4 --out {out}",
    error: '…"--bach"; did you mean "--batch"?',
    follow: { replace: "--bach", by: "--batch" },
  },
  {
    command: `${finetune} --set optimizer.lrr=1e-3`,
    error: 'Unknown key "optimizer.lrr" (--set optimizer.lrr=1e-3); did you mean "optimizer.lr"?',
    follow: { replace: "optimizer.lrr", by: "optimizer.lr" },
  },
  {
    command: "linear-probe --checkpoint {model} --data {data} {tinyProbe} --out {out} " +
      "--set schedule.epochs=1",
    error: 'Unknown key "schedule" (--set schedule.epochs=1); did you mean "probe.epochs"? ' +
      '"schedule.epochs" belongs to task "pretrain"',
    follow: { replace: "schedule.epochs", by: "probe.epochs" },
  },
  {
    command: "config print --set lr",
    error: 'Cannot set "lr": expected KEY=VALUE; for example --set optimizer.lr=1e-3',
    follow: { add: "--set optimizer.lr=1e-3" },
  },
  {
    command: "config print --config quickstrat",
    error: 'Unknown recipe "quickstrat"; did you mean "quickstart"?',
    follow: { replace: "quickstrat", by: "quickstart" },
  },
  {
    command: "config print --config {folder}/none.jsonc",
    error: 'Cannot read recipe "…": there is no such file; `deno task config list` shows the ' +
      "bundled ones",
    follow: { run: "deno task config list" },
  },
  {
    command: "config print --config zzz",
    error: 'Unknown recipe "zzz"; `deno task config list` shows the bundled ones; a file ends in ' +
      ".jsonc, .yaml or .ts",
    follow: { run: "deno task config list" },
  },
  {
    command: "config print --config {deep}",
    error:
      'Cannot read recipe "…": …; a recipe is a few sections of keys; see `deno task config print`',
    follow: { run: "deno task config print" },
  },
  {
    command: "pretrain --config {recipe} --out {out}",
    error: 'Cannot use recipe "…" here: expected one for task "pretrain", found "finetune"; ' +
      "run `deno task finetune --config …`",
    follow: { run: "deno task finetune --config …", rest: "--data {data} {tiny} --out {out}" },
  },
  {
    command: "finetune --data {data} {tiny} --resume {stopped} --config {recipe}",
    error:
      "Cannot take a new --config with --resume: a run keeps its recipe; leave --config out, " +
      "or start another run with --out",
    follow: { drop: "--config" },
  },
  {
    command: "finetune --resume {stopped} --out {out} --max-steps 1 --quiet",
    error: "Cannot use --out with --resume: a run stays in its directory; leave --out out",
    follow: { drop: "--out" },
  },
  {
    command: "finetune --data {data} {tiny} --name a/b",
    error: 'Cannot call a run "a/b": expected the name of a folder; leave --name out, ' +
      "and give --out DIR for a folder elsewhere",
    follow: [{ drop: "--name" }, { fill: "--out", value: "{out}" }],
  },
];

/** Mistakes in what is trained on, and where. */
const dataRows: readonly HintRow[] = [
  {
    command: "finetune --data {few} {tinyBut} --max-steps 1 --batch 32 --out {out}",
    error: 'Cannot fill a batch of 32 images from "…": it holds 4 to train on; give --batch 4 or ' +
      "less, or --set data.dropLast=false",
    follow: { add: "--batch …" },
  },
  {
    command: "finetune --data {few} {tinyBut} --max-steps 1 --batch 32 --out {out}",
    error: 'Cannot fill a batch of 32 images from "…": it holds 4 to train on; give --batch 4 or ' +
      "less, or --set data.dropLast=false",
    follow: { add: "--set data.dropLast=false" },
  },
  {
    command:
      "finetune --data {broken} {tinyBut} --batch 6 --set data.onError=raise --max-steps 9 --out {out}",
    error: 'Cannot decode image "…": …; leave such files out with --set data.onError=skip',
    follow: { add: "--set data.onError=skip" },
  },
  {
    command:
      "finetune --data {broken} {tinyBut} --batch 6 --set data.maxSkipped=0 --max-steps 9 --out {out}",
    error: "Cannot go on: more than data.maxSkipped=0 files failed, the last: …; allow more with " +
      "--set data.maxSkipped=100",
    follow: { add: "--set data.maxSkipped=…" },
  },
  {
    command: "segment --data {brokenShapes} {tinySegmentation} --image-size 16 --out {out}",
    error: 'Cannot decode image "…": …; leave such files out with --set data.onError=skip',
    follow: { add: "--set data.onError=skip" },
  },
  {
    command: "finetune --data {one} {tiny} --out {out}",
    error:
      'Cannot read data "…": expected a folder, a tar or a zip archive, found a single image; ' +
      "give the folder that it lies in: --data …",
    follow: { add: "--data …" },
    next: 'Cannot learn classes from "…": its images have no class labels; "…" lies in no class ' +
      "folder; put each class into a folder of its own",
  },
  {
    command: "finetune --data {nested} {tiny} --out {out}",
    error:
      'Cannot learn classes from "…": all its images lie in one class folder, "photos"; give ' +
      "--data …",
    follow: { add: "--data …" },
  },
  {
    command: "finetune --data {three} {tiny} --set model.classes=2 --out {out}",
    error: "Cannot fine-tune: the images have 3 classes, and model.classes is 2; give --set " +
      "model.classes=auto",
    follow: { add: "--set model.classes=auto" },
  },
  {
    command: "segment --data {moreClasses} {tinySegmentation} --image-size 16 --out {out}",
    error: 'Cannot evaluate "…": its label map has class 6, and the model … classes; start ' +
      "anew with --set segmentation.classes=7 or more, and another --out",
    follow: [{ add: "--set segmentation.classes=…" }, { fill: "--out", value: "{out}-2" }],
  },
  {
    command: `${segment} --set segmentation.classes=2`,
    error:
      'Cannot segment "…": its label map has class …, and segmentation.classes is 2; give --set ' +
      "segmentation.classes=… or more, or auto",
    follow: { fill: "--set", value: "segmentation.classes=auto" },
  },
  {
    command: `${segment} --epochs 0.1`,
    error:
      "Cannot train for --epochs 0.1: expected at least one step of 4 images, and there are 4; " +
      "give at least --epochs 1",
    follow: { add: "--epochs …" },
  },
  {
    command: "segment --resume {stopped} --epochs 3",
    error: "Cannot use --epochs with --resume: a run keeps its schedule; leave --epochs out",
    follow: { drop: "--epochs" },
    next: 'Cannot use recipe "…" here: expected one for task "segment", found "finetune"; run ' +
      "`deno task finetune`",
  },
];

/** Mistakes in where a run is kept. */
const directoryRows: readonly HintRow[] = [
  {
    command: "finetune --data {data} {tiny} --set schedule.steps=1 --out {classifier}",
    error: 'Cannot start in "…": it holds a finished run (step 1); choose another --out',
    follow: { fill: "--out", value: "{out}" },
  },
  {
    command: "finetune --data {data} {tiny} --lr 0.5 --out {stopped}",
    error:
      'Cannot go on in "…": its run was started with another config: optimizer.lr (…); choose ' +
      "another --out, or go on with that run as it is: deno task finetune --resume …",
    follow: { run: "deno task finetune --resume …", rest: "--max-steps 1 --quiet" },
  },
  {
    command: "finetune --data {data} {tiny} --lr 0.5 --out {stopped}",
    error:
      'Cannot go on in "…": its run was started with another config: optimizer.lr (…); choose ' +
      "another --out, or go on with that run as it is: deno task finetune --resume …",
    follow: { fill: "--out", value: "{out}" },
  },
  {
    command: "finetune --data {changing} {tinyBut} --batch 6 --out {changed} --max-steps 2",
    error:
      'Cannot resume "…": the images in "…" are not those that it was trained on (…); put them ' +
      "back as they were, or start a new run with another --out",
    follow: { fill: "--out", value: "{out}" },
  },
  {
    command: "finetune --data {data} {tiny} --out {damaged}",
    error:
      'Cannot go on in "…": none of its checkpoints can be read (…); restore one from a copy, ' +
      "or start anew with another --out",
    follow: { fill: "--out", value: "{out}" },
  },
];

/** Mistakes in the shape of what is trained. */
const shapeRows: readonly HintRow[] = [
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
    error:
      'Cannot use "augment.testResize" (…): expected at least augment.size, 16, which is cut out ' +
      "of it, found 8; leave it out, or give --set augment.testResize=18",
    follow: { add: "--set augment.testResize=…" },
  },
  {
    command: `${segment} --set augment.stride=40`,
    error:
      'Cannot use "augment.stride" (…): expected at most the window\'s size, augment.size, 16, ' +
      "found 40; leave it out, or give --set augment.stride=10",
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
      "give --set model.imageSize=16 for a grid that fits, or another --tokenizer",
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
    error: "Cannot divide 18 px into 8 patches a side; give --set augment.tokenizerSize=16",
    follow: { add: "--set augment.tokenizerSize=…" },
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
    command: "finetune --checkpoint {model} --model tiny --data {data} {tiny} --out {out}",
    error:
      "Cannot use --model with --checkpoint: the model is the checkpoint's; leave --model out; " +
      "--image-size is free",
    follow: { drop: "--model" },
  },
  {
    command: "pretrain {tinyPretraining} --train-tokenizer --tokenizer {tokenizer} --out {out}",
    error: "Cannot use --train-tokenizer with --tokenizer; leave one of them out",
    follow: { drop: "--train-tokenizer" },
  },
  {
    command: "pretrain {tinyPretraining} --train-tokenizer --resume {out} --out {out} --set " +
      "tokenizer.recipe={tinyRecipe}",
    error:
      "Cannot use --train-tokenizer with --resume; leave --resume out: the same command goes on " +
      "where it stopped",
    follow: { drop: "--resume" },
  },
];

/** Mistakes of the commands that look at a model. */
const modelRows: readonly HintRow[] = [
  {
    command: "predict {data}/val {cpu}",
    error:
      "Cannot tell which model to look at: --checkpoint is missing; give it a run directory, a " +
      "file or a model card's name",
    follow: { fill: "--checkpoint", value: "{classifier}" },
  },
  {
    command: "linear-probe --data {data} {tinyProbe} --epochs 1 --out {out}",
    error: "Cannot probe: no model is given; give a run directory or a file with --checkpoint",
    follow: { fill: "--checkpoint", value: "{model}" },
  },
  {
    command: "predict {data}/val {cpu} --checkpoint {model}",
    error:
      'Cannot classify with "…": it has no classifier; fine-tune it first: deno task finetune ' +
      "--checkpoint …",
    follow: {
      run: "deno task finetune --checkpoint …",
      rest: "--data {data} {cpu} --batch 6 --max-steps 1 --set data.cacheBytes=0 --out {out}",
    },
  },
  {
    command: "evaluate --checkpoint {classifier} --data {three} {cpu}",
    error:
      'Cannot evaluate "…": it knows 2 classes, and the images have 3; give the images that it ' +
      "was fine-tuned for with --data",
    follow: { fill: "--data", value: "{data}" },
  },
  {
    command: "evaluate --checkpoint {classifier} --data {data} --resize 8 {cpu}",
    error: "Cannot take the central 16 px of images whose shorter edge is resized to 8 px; leave " +
      "--resize out, or give at least --resize 16",
    follow: { add: "--resize …" },
  },
  {
    command: "evaluate --checkpoint {classifier} --data {data} --resize 8 {cpu}",
    error: "Cannot take the central 16 px of images whose shorter edge is resized to 8 px; leave " +
      "--resize out, or give at least --resize 16",
    follow: { drop: "--resize" },
  },
  {
    command: "evaluate --checkpoint {classifier} --data {data} --threads 1 --backend cpuu",
    error: 'Cannot start backend "cpuu": …; did you mean "cpu"?',
    follow: { replace: "cpuu", by: "cpu" },
  },
  {
    command: "features {data}/val --checkpoint {model} {cpu}",
    error: "Cannot write the features: --out is missing; name the file, such as --out " +
      "features.safetensors",
    follow: { fill: "--out", value: "{out}.safetensors" },
  },
  {
    command: "features {data}/val --checkpoint {model} {cpu} --out {out}.safetensors --layer 7",
    error:
      "Cannot take features of layer 7: the encoder has 2 blocks; give --layer from 0 to 1, or " +
      "--layer=-1 for the last",
    follow: { add: "--layer=-1" },
  },
  {
    command: "tokenize {data}/val --checkpoint {tokenizer} {cpu} --out {out}.txt",
    error: 'Cannot write tokens to "…": expected .safetensors or .jsonl; name it for example ' +
      "--out tokens.safetensors",
    follow: { fill: "--out", value: "{out}.safetensors" },
  },
  {
    command: "visualize {data}/val --show attention --config quickstart {cpu} --out {out}",
    error:
      "Cannot draw attention: no model is given; give a run directory, a file or a model card's " +
      "name with --checkpoint",
    follow: { fill: "--checkpoint", value: "{model}" },
  },
  {
    command: "visualize {data}/val --show masks --checkpoint {model} {cpu} --out {out}",
    error: "Cannot draw masks: no pretraining config is given; name a recipe of pretraining with " +
      "--config",
    follow: { fill: "--config", value: "quickstart" },
  },
  {
    command: "visualize {data}/val --checkpoint {model} {cpu} --out {out} --head 7",
    error: "Cannot show head 7: the model has 2 heads a block; give --head from 0 to 1",
    follow: { fill: "--head", value: "1" },
  },
  {
    command: "visualize {data}/val --checkpoint {model} {cpu} --out {out} --patch 9,9",
    error: "Cannot show patch 9,9: there are 4 × 4; give --patch rows and columns from 0 to 3",
    follow: { fill: "--patch", value: "3,3" },
  },
  {
    command: "visualize {data}/val --checkpoint {model} {cpu} --out {out} --patch 3",
    error: 'Cannot read the patch "3": expected ROW,COLUMN; such as --patch 3,5, counted from 0',
    follow: { add: "--patch 3,5" },
    next: "Cannot show patch 3,5: there are 4 × 4; give --patch rows and columns from 0 to 3",
  },
  {
    command: "visualize {data}/val --checkpoint {model} {cpu} --out {file}",
    error: 'Cannot make the folder "…": …; give another with --out',
    follow: { fill: "--out", value: "{out}" },
  },
  {
    command: "convert {model} {out}",
    error: "Cannot convert: --to is missing; give --to and one of …, safetensors",
    follow: { fill: "--to", value: "safetensors" },
  },
  {
    command: "convert {tokenizer} {out} --to timm",
    error:
      "Cannot convert a VQ-KD tokenizer to timm: it has no class for it; give --to mmselfsup, " +
      "unilm or safetensors",
    follow: { add: "--to mmselfsup" },
  },
  {
    command: "convert {models}hf_vit {out} --to unilm",
    error:
      "Cannot convert to unilm: expected a BEiT, found a vit without BEiT's biases of q and v; " +
      "give --to timm, huggingface or safetensors",
    follow: { add: "--to timm" },
  },
  {
    command: "convert {models}hf_beit_cls {out} --to mmselfsup",
    error: "Cannot convert to mmselfsup: its classifier averages the patches, this one takes the " +
      "class token; give --to timm, unilm, huggingface or safetensors",
    follow: { add: "--to timm" },
  },
  {
    command: "convert {models}timm_vit_mean {out} --to huggingface",
    error: "Cannot convert to huggingface: its classifier …; give --to safetensors",
    follow: { add: "--to safetensors" },
  },
  {
    command: "convert {large} {out} --to timm --dtype float16",
    error:
      'Cannot write "…" as float16: it holds 100000, and float16 ends at 65504; give --dtype ' +
      "bfloat16",
    follow: { add: "--dtype bfloat16" },
  },
  {
    command: "convert {part} {out} --to timm",
    error: "…; give the whole model, or write what there is with --allow-missing",
    follow: { add: "--allow-missing" },
  },
  {
    command: "export {model} {out}.onnx --output logits",
    error:
      "Cannot export logits to ONNX: a … checkpoint has no classes; give --output features, or " +
      "fine-tune it first",
    follow: { add: "--output features" },
  },
  {
    command: "parity --fixtures {empty}/none",
    error:
      'Cannot read the fixtures "…": it does not exist; give a folder of .json and .safetensors ' +
      "files with --fixtures",
    follow: { fill: "--fixtures", value: "{empty}" },
    next: 'Cannot compare "…": it holds no known fixture; names start with …',
  },
  {
    command: "replay {classifier} --backend auto",
    error: 'Cannot replay on "auto"; leave --backend out, or name one',
    follow: { drop: "--backend" },
    next:
      'Cannot replay "…": it is no whole failure bundle (…); give a directory below failures/ of ' +
      "a run",
  },
  {
    command: "study --data cifar10.zip --dry-run",
    error:
      "Cannot use --data cifar10.zip: expected NAME=PATH; for example --data cifar10=cifar10.zip",
    follow: { add: "--data cifar10=cifar10.zip" },
    next:
      'Cannot read data "cifar10.zip": no such file or folder; check the path given with --data',
  },
];

/** Jobs, studies and parts of the program that are not there. */
const otherRows: readonly HintRow[] = [
  {
    command: `${finetune} --launcher torque`,
    error:
      "Cannot use --launcher torque: mimic knows none and mpi; leave --launcher out to have it " +
      "found",
    follow: { drop: "--launcher" },
  },
];

/** All rows. */
export const hintRows: readonly HintRow[] = [
  ...commandRows,
  ...dataRows,
  ...directoryRows,
  ...shapeRows,
  ...modelRows,
  ...otherRows,
];
