/** The JSON files that Hugging Face's and timm's loaders want beside the weights. */

import { filterNumber } from "./_hub_folder.ts";
import type { ModelKind, ModelShape } from "./formats/model_shape.ts";
import { type Preprocessing, resizedEdge } from "./preprocessing.ts";

/** Marks a number that Python must read as a float though it is whole: transformers checks. */
const FLOAT_MARK = "mimic-float:";

/** A number of type `float` in a config. */
function float(value: number): number | string {
  return Number.isInteger(value) ? FLOAT_MARK + value.toFixed(1) : value;
}

/** A config as text; whole floats keep their point, which JSON itself would drop. */
export function configText(config: unknown): string {
  const text = JSON.stringify(config, null, 2) + "\n";
  return text.replaceAll(new RegExp(`"${FLOAT_MARK}([-0-9.]+)"`, "g"), "$1");
}

/** `config.json` of a Hugging Face BEiT. */
export function huggingFaceConfig(
  kind: ModelKind,
  shape: ModelShape,
  names: readonly string[] | undefined,
): Record<string, unknown> {
  const architecture = {
    pretrain: "BeitForMaskedImageModeling",
    finetune: "BeitForImageClassification",
    encoder: "BeitModel",
    tokenizer: "",
  }[kind];
  const classes = shape.classes ?? 0;
  const labels = Array.from({ length: classes }, (_, id) => names?.[id] ?? `LABEL_${id}`);
  return {
    architectures: [architecture],
    model_type: "beit",
    hidden_size: shape.embedDim,
    num_hidden_layers: shape.depth,
    num_attention_heads: shape.heads,
    intermediate_size: Math.round(shape.embedDim * shape.mlpRatio),
    hidden_act: "gelu",
    hidden_dropout_prob: float(0),
    attention_probs_dropout_prob: float(0),
    drop_path_rate: float(0),
    layer_norm_eps: shape.normEpsilon ?? 1e-6,
    initializer_range: 0.02,
    image_size: shape.imageSize,
    patch_size: shape.patchSize,
    num_channels: 3,
    vocab_size: shape.codes ?? 8192,
    use_mask_token: kind === "pretrain",
    use_absolute_position_embeddings: shape.usesAbsolutePositions,
    use_relative_position_bias: shape.usesRelativePositionBias,
    use_shared_relative_position_bias: shape.usesSharedRelativePositionBias,
    layer_scale_init_value: float(shape.layerScaleInitValue),
    use_mean_pooling: shape.pooling !== "cls",
    ...kind === "finetune"
      ? {
        id2label: Object.fromEntries(labels.entries()),
        label2id: Object.fromEntries(labels.map((label, id) => [label, id])),
      }
      : {},
  };
}

/**
 * `preprocessor_config.json` of a Hugging Face BEiT, for `AutoImageProcessor`. CLIP's processor is named
 * because it resizes the shorter edge in every release; BEiT's own squeezes what is not square, and is
 * named where the model wants that.
 */
export function huggingFacePreprocessor(
  shape: ModelShape,
  { mean, standardDeviation, cropShare, interpolation, squashes = false }: Preprocessing,
): Record<string, unknown> {
  const size = shape.imageSize;
  const resized = resizedEdge(size, cropShare);
  return {
    image_processor_type: squashes ? "BeitImageProcessor" : "CLIPImageProcessor",
    do_resize: true,
    size: squashes ? { height: resized, width: resized } : { shortest_edge: resized },
    resample: filterNumber(interpolation),
    do_center_crop: true,
    crop_size: { height: size, width: size },
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: mean,
    image_std: standardDeviation,
    do_convert_rgb: true,
  };
}

/** timm's `config.json`: `timm.create_model("local-dir:FOLDER")` makes this very model. */
export function timmConfig(
  kind: ModelKind,
  shape: ModelShape,
  { mean, standardDeviation, cropShare, interpolation, squashes = false }: Preprocessing,
  { hasFinalNorm, names }: { hasFinalNorm: boolean; names: readonly string[] | undefined },
): Record<string, unknown> {
  const isLarge = shape.embedDim >= 1024;
  const classes = kind === "finetune" ? shape.classes ?? 0 : 0;
  // timm puts the norm behind the pooling where it averages.
  const pooling = hasFinalNorm ? "token" : "avg";
  return {
    architecture: isLarge ? "beitv2_large_patch16_224" : "beitv2_base_patch16_224",
    num_classes: classes,
    num_features: shape.embedDim,
    global_pool: pooling,
    ...names === undefined ? {} : { label_names: names },
    model_args: {
      global_pool: pooling,
      img_size: shape.imageSize,
      patch_size: shape.patchSize,
      embed_dim: shape.embedDim,
      depth: shape.depth,
      num_heads: shape.heads,
      mlp_ratio: shape.mlpRatio,
      init_values: shape.layerScaleInitValue > 0 ? shape.layerScaleInitValue : null,
      use_abs_pos_emb: shape.usesAbsolutePositions,
      use_rel_pos_bias: shape.usesRelativePositionBias,
      use_shared_rel_pos_bias: shape.usesSharedRelativePositionBias,
    },
    pretrained_cfg: {
      custom_load: false,
      input_size: [3, shape.imageSize, shape.imageSize],
      fixed_input_size: true,
      interpolation,
      crop_pct: cropShare,
      crop_mode: squashes ? "squash" : "center",
      mean,
      std: standardDeviation,
      num_classes: classes,
      pool_size: null,
      first_conv: "patch_embed.proj",
      classifier: "head",
    },
  };
}
