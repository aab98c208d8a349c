/** Configs for vision transformers other than BEiT, for the loaders of Hugging Face and timm. */

import type { ForeignModel } from "../formats/families/to_hubs.ts";
import type { ModelShape } from "../formats/model_shape.ts";

type Json = Record<string, unknown>;

/** Activations by their names. */
const ACTIVATIONS = {
  gelu: { huggingface: "gelu", timm: "gelu" },
  quickGelu: { huggingface: "quick_gelu", timm: "quick_gelu" },
  geluTanh: { huggingface: "gelu_pytorch_tanh", timm: "gelu_tanh" },
} as const;

/** Model types and classes in transformers, as an encoder alone and with a classifier. */
const CLASSES = {
  vit: ["vit", "ViTModel", "ViTForImageClassification"],
  dinov2: ["dinov2", "Dinov2Model", "Dinov2ForImageClassification"],
  dinov2Registers: [
    "dinov2_with_registers",
    "Dinov2WithRegistersModel",
    "Dinov2WithRegistersForImageClassification",
  ],
  clip: ["clip_vision_model", "CLIPVisionModel", ""],
  siglip: ["siglip_vision_model", "SiglipVisionModel", "SiglipForImageClassification"],
} as const;

/** The keys that all vision-transformer configs share. */
function visionKeys(shape: ModelShape): Json {
  return {
    hidden_size: shape.embedDim,
    num_hidden_layers: shape.depth,
    num_attention_heads: shape.heads,
    intermediate_size: Math.round(shape.embedDim * shape.mlpRatio),
    hidden_act: ACTIVATIONS[shape.activation ?? "gelu"].huggingface,
    layer_norm_eps: shape.normEpsilon ?? 1e-6,
    image_size: shape.imageSize,
    patch_size: shape.patchSize,
    num_channels: 3,
  };
}

/** `config.json` for transformers' class of a family; `labels` are Hugging Face's keys for class names. */
export function foreignHuggingFaceConfig(
  { family, kind, shape }: ForeignModel,
  labels: Json,
  projectionDim: number | undefined,
): Json {
  const registers = shape.registers ?? 0;
  const key = family === "dinov2" && registers > 0 ? "dinov2Registers" : family;
  const [type, encoder, classifier] = CLASSES[key];
  const vision = visionKeys(shape);
  if (family === "clip") {
    const isProjected = projectionDim !== undefined;
    return {
      architectures: [isProjected ? "CLIPVisionModelWithProjection" : encoder],
      model_type: type,
      ...vision,
      ...(isProjected ? { projection_dim: projectionDim } : {}),
    };
  }
  if (family === "siglip" && kind === "finetune") {
    const vision_config = { ...vision, model_type: type, vision_use_head: false };
    return { architectures: [classifier], model_type: "siglip", vision_config, ...labels };
  }
  return {
    architectures: [kind === "finetune" ? classifier : encoder],
    model_type: type,
    ...vision,
    qkv_bias: true,
    ...(family === "dinov2" ? { mlp_ratio: shape.mlpRatio, use_swiglu_ffn: false } : {}),
    ...(registers > 0 ? { num_register_tokens: registers } : {}),
    ...(family === "siglip" ? { vision_use_head: false } : {}),
    ...labels,
  };
}

/** Architecture and arguments of timm's `VisionTransformer`. */
export function foreignTimmModel(
  { kind, shape }: ForeignModel,
  hasFinalNorm: boolean,
): { architecture: string; pooling: string; args: Json } {
  const { activation = "gelu", registers = 0, hasClassToken = true, pooling } = shape;
  const takesMean = kind === "finetune" ? pooling !== "cls" : !hasClassToken;
  const isQuick = activation === "quickGelu";
  const isNormedAfter = takesMean && kind === "finetune" &&
    (pooling ?? "meanThenNorm") === "meanThenNorm";
  const clip = `vit_base_patch16_clip${isQuick ? "_quickgelu" : ""}_224`;
  return {
    // CLIP's use an epsilon of 1e-5, all others 1e-6.
    architecture: shape.hasInputNorm ? clip : "vit_base_patch16_224",
    pooling: takesMean ? "avg" : "token",
    args: {
      class_token: hasClassToken,
      reg_tokens: registers,
      no_embed_class: registers > 0,
      act_layer: ACTIVATIONS[activation].timm,
      // With `fc_norm`, the mean is taken before the norm.
      fc_norm: isNormedAfter,
      final_norm: isNormedAfter || hasFinalNorm,
    },
  };
}
