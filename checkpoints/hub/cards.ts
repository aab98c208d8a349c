/**
 * Published weights by name: where they are, who published them, and how to verify them.
 *
 * @module
 */

import type { ModelKind, ModelShape } from "../formats/model_shape.ts";

/** What is known about a published file. */
export interface ModelCard {
  readonly name: string;
  readonly kind: ModelKind;
  /** Its shape, so that a run can be planned without the file; `null` if unknown. */
  readonly shape: ModelShape | null;
  /** A one-line description. */
  readonly description: string;
  /** URLs, in the order to try them. */
  readonly urls: readonly string[];
  /** The file's size, or `null` if we have not been able to measure it. */
  readonly bytes: number | null;
  /** SHA-256 in hexadecimal, its first digits, or `null` if unknown. */
  readonly sha256: string | null;
  readonly licence: string;
  /** The page where it is published. */
  readonly source: string;
}

const OPENMMLAB = "https://download.openmmlab.com";
const BEITV2 = `${OPENMMLAB}/mmselfsup/1.x/beitv2/` +
  "beitv2_vit-base-p16_8xb256-amp-coslr-300e_in1k";
const UNILM = "https://github.com/addf400/files/releases/download/BEiT-v2";

const base: ModelShape = {
  imageSize: 224,
  patchSize: 16,
  embedDim: 768,
  depth: 12,
  heads: 12,
  mlpRatio: 4,
  layerScaleInitValue: 0.1,
  usesAbsolutePositions: false,
  usesSharedRelativePositionBias: false,
  usesRelativePositionBias: false,
};

const large: ModelShape = {
  ...base,
  embedDim: 1024,
  depth: 24,
  heads: 16,
  layerScaleInitValue: 1e-5,
};

const pretraining = {
  codes: 8192,
  headLayers: 2,
  usesSharedRelativePositionBias: true,
} as const;

function classifier(shape: ModelShape, classes: 1000 | 21841): ModelShape {
  return { ...shape, classes, usesRelativePositionBias: true };
}

/** A VQ-KD tokenizer for ViT-B/16 whose decoder has a given number of blocks. */
function vqkd(decoderDepth: number, teacherDim: number): ModelShape {
  return {
    ...base,
    layerScaleInitValue: 0,
    usesAbsolutePositions: true,
    codes: 8192,
    codeDim: 32,
    decoderDepth,
    teacherDim,
  };
}

const mmselfsup = {
  bytes: null,
  licence: "Apache-2.0",
  source: "https://github.com/open-mmlab/mmselfsup/tree/main/configs/selfsup/beitv2",
} as const;

const unilm = {
  bytes: null,
  // The digits in some of unilm's file names are not documented as a SHA-256.
  sha256: null,
  licence: "MIT",
  source: "https://github.com/microsoft/unilm/tree/master/beit2",
} as const;

function unilmFile(file: string): { name: string; urls: string[] } {
  return { name: file.replace(/\.pth$/, ""), urls: [`${UNILM}/${file}`] };
}

/** All cards. OpenMMLab's file names end in the first digits of their SHA-256. */
export const MODEL_CARDS: readonly ModelCard[] = [
  {
    ...mmselfsup,
    name: "vqkd_encoder",
    kind: "tokenizer",
    shape: vqkd(0, 0),
    description: "VQ-KD tokenizer without decoder that mmselfsup pretrains BEiT v2 with",
    urls: [`${OPENMMLAB}/mmselfsup/1.x/target_generator_ckpt/vqkd_encoder.pth`],
    sha256: null,
  },
  {
    ...mmselfsup,
    name: "beitv2_vit-base-p16_8xb256-amp-coslr-300e_in1k",
    kind: "pretrain",
    shape: { ...base, earlyLayers: 9, ...pretraining },
    description: "BEiT v2 ViT-B/16 pretrained for 300 epochs",
    urls: [`${BEITV2}/beitv2_vit-base-p16_8xb256-amp-coslr-300e_in1k_20221212-a157be30.pth`],
    sha256: "a157be30",
  },
  {
    ...mmselfsup,
    name: "vit-base-p16_ft-8xb128-coslr-100e_in1k",
    kind: "finetune",
    shape: classifier(base, 1000),
    description: "the 300-epoch BEiT v2 ViT-B/16 fine-tuned on ImageNet-1k, top-1 85.0",
    urls: [
      `${BEITV2}/vit-base-p16_ft-8xb128-coslr-100e_in1k/` +
      "vit-base-p16_ft-8xb128-coslr-100e_in1k_20221212-d1c0789e.pth",
    ],
    sha256: "d1c0789e",
  },
  {
    bytes: null,
    licence: "MIT",
    source: "https://github.com/open-mmlab/mmpretrain/tree/main/configs/beitv2",
    name: "beitv2-base_3rdparty_in1k",
    kind: "finetune",
    shape: classifier(base, 1000),
    description: "unilm's BEiT v2 ViT-B/16, 1600 epochs and ImageNet-21k, top-1 86.5",
    urls: [`${OPENMMLAB}/mmclassification/v0/beit/beitv2-base_3rdparty_in1k_20221114-73e11905.pth`],
    sha256: "73e11905",
  },
  {
    ...unilm,
    ...unilmFile("vqkd_encoder_base_decoder_3x768x12_clip-d5036aa7.pth"),
    kind: "tokenizer",
    shape: vqkd(3, 512),
    description: "unilm's VQ-KD tokenizer with a decoder of 3 blocks, taught by CLIP ViT-B/16",
  },
  {
    ...unilm,
    ...unilmFile("vqkd_encoder_base_decoder_1x768x12_clip-d93179da.pth"),
    kind: "tokenizer",
    shape: vqkd(1, 512),
    description: "unilm's VQ-KD tokenizer with a decoder of 1 block, taught by CLIP ViT-B/16",
  },
  {
    ...unilm,
    ...unilmFile("vqkd_encoder_base_decoder_1x768x12_dino-663c55d7.pth"),
    kind: "tokenizer",
    shape: vqkd(1, 768),
    description: "unilm's VQ-KD tokenizer with a decoder of 1 block, taught by DINO ViT-B/16",
  },
  {
    ...unilm,
    ...unilmFile("beitv2_base_patch16_224_pt1k.pth"),
    kind: "pretrain",
    shape: { ...base, earlyLayers: 9, ...pretraining },
    description: "unilm's BEiT v2 ViT-B/16 pretrained for 1600 epochs",
  },
  {
    ...unilm,
    ...unilmFile("beitv2_base_patch16_224_pt1k_ft21k.pth"),
    kind: "finetune",
    shape: classifier(base, 21841),
    description: "unilm's BEiT v2 ViT-B/16 fine-tuned on ImageNet-21k",
  },
  {
    ...unilm,
    ...unilmFile("beitv2_large_patch16_224_pt1k_ft1k.pth"),
    kind: "finetune",
    shape: classifier(large, 1000),
    description: "unilm's BEiT v2 ViT-L/16 fine-tuned on ImageNet-1k, top-1 87.3",
  },
  {
    ...unilm,
    ...unilmFile("beitv2_large_patch16_224_pt1k_ft21k.pth"),
    kind: "finetune",
    shape: classifier(large, 21841),
    description: "unilm's BEiT v2 ViT-L/16 fine-tuned on ImageNet-21k",
  },
];

/**
 * The card for a name, with or without `.pth`.
 *
 * @example
 * ```ts
 * import { findCard } from "./cards.ts";
 * if (findCard("vqkd_encoder.pth")?.kind !== "tokenizer") throw new Error();
 * ```
 */
export function findCard(name: string): ModelCard | undefined {
  const bare = name.replace(/\.pth$/, "");
  return MODEL_CARDS.find((card) => card.name === bare);
}
