/** The JSON files that Hugging Face's and timm's loaders expect next to the weights. */

import { foreignHuggingFaceConfig, foreignTimmModel } from "./foreign_configs.ts";
import { filterNumber } from "./hub_folder.ts";
import type { ModelFamily } from "../formats/families/mod.ts";
import type { ModelKind, ModelShape } from "../formats/model_shape.ts";
import { type Preprocessing, resizedEdge } from "./preprocessing.ts";

/** Marks a number that Python must read as a float although it is whole: transformers checks this. */
const FLOAT_MARK = "mimic-float:";

/** A number of type `float` in a config. */
function float(value: number): number | string {
  return Number.isInteger(value) ? FLOAT_MARK + value.toFixed(1) : value;
}

/** A config as text; whole floats keep their decimal point, which JSON would drop. */
export function configText(config: unknown): string {
  const text = JSON.stringify(config, null, 2) + "\n";
  return text.replaceAll(new RegExp(`"${FLOAT_MARK}([-0-9.]+)"`, "g"), "$1");
}

/** A model as described by configs. */
export interface DescribedModel {
  readonly kind: ModelKind;
  readonly family: ModelFamily;
  readonly shape: ModelShape;
  readonly names: readonly string[] | undefined;
  /** The tensors that determine the class. */
  readonly hasFinalNorm: boolean;
  /** Width of CLIP's projection. */
  readonly projectionDim: number | undefined;
}

/** The class names in Hugging Face's form. */
function labelsOf({ kind, shape, names }: DescribedModel): Record<string, unknown> {
  if (kind !== "finetune") return {};
  const labels = Array.from(
    { length: shape.classes ?? 0 },
    (_, id) => names?.[id] ?? `LABEL_${id}`,
  );
  return {
    id2label: Object.fromEntries(labels.entries()),
    label2id: Object.fromEntries(labels.map((label, id) => [label, id])),
  };
}

/** `config.json` of a Hugging Face model. */
export function huggingFaceConfig(model: DescribedModel): Record<string, unknown> {
  const { kind, family, shape } = model;
  if (family !== "beit") {
    const { projectionDim } = model;
    return foreignHuggingFaceConfig({ family, kind, shape }, labelsOf(model), projectionDim);
  }
  const architecture = {
    pretrain: "BeitForMaskedImageModeling",
    finetune: "BeitForImageClassification",
    encoder: "BeitModel",
    tokenizer: "",
  }[kind];
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
    ...labelsOf(model),
  };
}

/**
 * `preprocessor_config.json` for a Hugging Face BEiT, for `AutoImageProcessor`. It names CLIP's processor,
 * which resizes the shorter edge in every release; BEiT's own stretches images to a square, and is named if the
 * model wants that.
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

/** Which of timm's architectures a model is, and where it differs from that architecture's defaults. */
function timmModel(model: DescribedModel): ReturnType<typeof foreignTimmModel> {
  const { kind, family, shape, hasFinalNorm } = model;
  if (family !== "beit") return foreignTimmModel({ family, kind, shape }, hasFinalNorm);
  return {
    architecture: `beitv2_${shape.embedDim >= 1024 ? "large" : "base"}_patch16_224`,
    // timm puts the norm after the pooling when it averages.
    pooling: hasFinalNorm ? "token" : "avg",
    args: {
      use_abs_pos_emb: shape.usesAbsolutePositions,
      use_rel_pos_bias: shape.usesRelativePositionBias,
      use_shared_rel_pos_bias: shape.usesSharedRelativePositionBias,
    },
  };
}

/** timm's `config.json`: `timm.create_model("local-dir:FOLDER")` creates exactly this model. */
export function timmConfig(
  model: DescribedModel,
  { mean, standardDeviation, cropShare, interpolation, squashes = false }: Preprocessing,
): Record<string, unknown> {
  const { kind, shape, names } = model;
  const classes = kind === "finetune" ? shape.classes ?? 0 : 0;
  const { architecture, pooling, args } = timmModel(model);
  return {
    architecture,
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
      // Not null for none: create_model ignores null, and the architectures have layer scale.
      init_values: shape.layerScaleInitValue,
      ...args,
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
