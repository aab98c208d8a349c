/** The table of hints: the commands that look at a model. */
import type { HintRow } from "./_row.ts";

/** Mistakes of the commands that look at a model. */
export const modelRows: readonly HintRow[] = [
  {
    command: "predict {data}/val {cpu}",
    error: "Cannot tell which model to use: --checkpoint is missing; give it a run directory, a " +
      "file or the name of a model card",
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
      "was fine-tuned on with --data",
    follow: { fill: "--data", value: "{data}" },
  },
  {
    command: "evaluate --checkpoint {classifier} --data {data} --resize 8 {cpu}",
    error: "Cannot take the central 16 px of images whose shorter edge is resized to 8 px; omit " +
      "--resize, or give at least --resize 16",
    follow: { add: "--resize …" },
  },
  {
    command: "evaluate --checkpoint {classifier} --data {data} --resize 8 {cpu}",
    error: "Cannot take the central 16 px of images whose shorter edge is resized to 8 px; omit " +
      "--resize, or give at least --resize 16",
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
      "Cannot extract features from layer 7: the encoder has 2 blocks; give --layer from 0 to 1, or " +
      "--layer=-1 for the last",
    follow: { add: "--layer=-1" },
  },
  {
    command: "features {data}/val --checkpoint {models}hf_siglip {cpu} --token cls --out " +
      "{out}.safetensors",
    error:
      "Cannot take the class token: this encoder has none; take the mean of the patches with " +
      "--token meanPatches",
    follow: { add: "--token meanPatches" },
  },
  {
    command: "linear-probe --checkpoint {models}hf_siglip --data {data} {tinyProbe} --epochs 1 " +
      "--set probe.tokens=cls --out {out}",
    error: "Cannot probe the class token: this encoder has none; probe its patches with --set " +
      "probe.tokens=[meanPatches]",
    follow: { add: "--set probe.tokens=[meanPatches]" },
  },
  {
    command: "tokenize {data}/val --checkpoint {tokenizer} {cpu} --out {out}.txt",
    error: 'Cannot write tokens to "…": expected .safetensors or .jsonl; name it for example ' +
      "--out tokens.safetensors",
    follow: { fill: "--out", value: "{out}.safetensors" },
  },
  {
    command: "visualize {data}/val --show attention --config quickstart {cpu} --out {out}",
    error: "Cannot draw attention: no model is given; give a run directory, a file or the name " +
      "of a model card with --checkpoint",
    follow: { fill: "--checkpoint", value: "{model}" },
  },
  {
    command: "visualize {data}/val --show masks --checkpoint {model} {cpu} --out {out}",
    error: "Cannot draw masks: no pretraining config is given; name a pretraining recipe with " +
      "--config",
    follow: { fill: "--config", value: "quickstart" },
  },
  {
    command: "visualize {data}/val --checkpoint {model} {cpu} --out {out} --head 7",
    error: "Cannot show head 7: the model has 2 heads per block; give --head from 0 to 1",
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
    error: 'Cannot create the folder "…": …; give another with --out',
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
    error: "…; give the complete model, or write what there is with --allow-missing",
    follow: { add: "--allow-missing" },
  },
  {
    command: "export {model} {out} --output features",
    error:
      'Cannot use --output for the folder "…": its class decides; omit it, or give a file that ' +
      "ends in .onnx",
    follow: { drop: "--output" },
  },
  {
    command: "export {classifier} {out} --data {data}",
    error: "Cannot use --data: nothing is evaluated; add --evaluate",
    follow: { add: "--evaluate" },
  },
  {
    command: "export {classifier} {out}.onnx --evaluate",
    error: 'Cannot evaluate the single file "…"; omit --evaluate, or give a folder',
    follow: { drop: "--evaluate" },
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
      'Cannot read the fixtures "…": it does not exist; give a folder with .json and .safetensors ' +
      "files with --fixtures",
    follow: { fill: "--fixtures", value: "{empty}" },
    next: 'Cannot compare "…": it holds no known fixture; names start with …',
  },
  {
    command: "replay {classifier} --backend auto",
    error: 'Cannot replay on "auto"; omit --backend, or name one',
    follow: { drop: "--backend" },
    next:
      'Cannot replay "…": it is not a complete failure bundle (…); give a directory below failures/ of ' +
      "a run",
  },
  {
    command: "study --data cifar10.zip --dry-run",
    error:
      "Cannot use --data cifar10.zip: expected NAME=PATH; for example --data cifar10=cifar10.zip",
    follow: { add: "--data cifar10=cifar10.zip" },
    next:
      'Cannot read data "cifar10.zip": no such file or folder; give the path of your images with --data',
  },
];
