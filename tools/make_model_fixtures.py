"""Makes tests/fixtures/models: a tiny model of every kind that mimic opens, and what it computes.

    python -m venv venv && venv/bin/pip install timm transformers
    venv/bin/python tools/make_model_fixtures.py tests/fixtures/models

Weights are random. A folder holds what `save_pretrained` (transformers) or `save_for_hf` (timm) write,
and `expected.safetensors`: `images` as the model takes them, `states`, the tokens after the last block
without registers and before any norm, `logits` of a classifier, and `targets`, what the model gives as
a tokenizer's teacher: its patches after the last norm and, for CLIP, the projection.
"""

import argparse
import json
import shutil
from pathlib import Path

import timm
import torch
import transformers as hf
from safetensors.torch import load_file, save_file

WIDTH, DEPTH, HEADS, HIDDEN, SIZE, PATCH, CLASSES = 16, 2, 2, 32, 8, 4, 3
NAMES = ["cat", "dog", "newt"]
SIZES = dict(
    hidden_size=WIDTH,
    num_hidden_layers=DEPTH,
    num_attention_heads=HEADS,
    intermediate_size=HIDDEN,
)
VISION = dict(SIZES, image_size=SIZE, patch_size=PATCH)
TEXT = dict(SIZES, vocab_size=4, max_position_embeddings=2, bos_token_id=0, eos_token_id=0)
LABELS = dict(id2label=dict(enumerate(NAMES)), label2id={n: i for i, n in enumerate(NAMES)})


def randomised(model):
    """Random values that float16 holds exactly, so that the files may be half as large."""
    generator = torch.Generator().manual_seed(0)
    for name, parameter in sorted(model.named_parameters()):
        values = torch.randn(parameter.shape, generator=generator) * 0.3
        if name.endswith("norm.weight") or ".norm" in name and name.endswith("weight"):
            values += 1
        parameter.data = values.half().float()
    return model.eval()


def images():
    return torch.randn(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


def without_registers(states, prefix, registers):
    return torch.cat([states[:, :prefix], states[:, prefix + registers :]], 1)


def write_expected(folder, **tensors):
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items() if tensor is not None}
    save_file({"images": images(), **tensors}, str(folder / "expected.safetensors"))


def add_processor(folder, **fields):
    """Statistics of no model in particular: who ignores the file gives other numbers."""
    fields = {
        "image_processor_type": "ViTImageProcessor",
        "do_resize": True,
        "size": {"height": SIZE, "width": SIZE},
        "resample": 2,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.5, 0.4, 0.3],
        "image_std": [0.5, 0.25, 0.2],
        **fields,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(fields, indent=2) + "\n")


def huggingface(out, name, model, prefix=1, norm=None, projection=None, **processor):
    folder = out / name
    model = randomised(model)
    model.half().save_pretrained(folder)
    add_processor(folder, **processor)
    model = model.float()
    with torch.no_grad():
        found = model(images(), output_hidden_states=True)
        # A pretraining model's are of codes.
        logits = getattr(found, "logits", None)
        is_classifier = logits is not None and logits.dim() == 2
        registers = getattr(model.config, "num_register_tokens", 0)
        states = found.hidden_states[-1]
        targets = norm and norm(states)[:, prefix + registers :]
        if projection is not None:
            targets = projection(targets)
    shown = without_registers(states, prefix, registers)
    write_expected(folder, states=shown, logits=logits if is_classifier else None, targets=targets)


def timm_model(out, name, architecture, prefix=1, labels=True, **args):
    sizes = dict(embed_dim=WIDTH, depth=DEPTH, num_heads=HEADS, mlp_ratio=HIDDEN / WIDTH)
    sizes |= dict(img_size=SIZE, patch_size=PATCH)
    model = randomised(timm.create_model(architecture, **sizes, **args))
    folder = out / name
    folder.mkdir(parents=True)
    config = {"label_names": NAMES} if labels and model.num_classes else {}
    config |= dict(model_args={**sizes, **args})
    timm.models.save_for_hf(model.half(), folder, config, safe_serialization=True)
    model = model.float()
    with torch.no_grad():
        found = model.forward_intermediates(
            images(), indices=1, return_prefix_tokens=prefix > 0, norm=False, output_fmt="NLC"
        )
        (last,) = found[1]
        patches, before = last if prefix else (last, None)
        logits = model(images()) if model.num_classes else None
        has_norm = not isinstance(model.norm, torch.nn.Identity)
        targets = model.norm(patches) if has_norm else None
    shown = torch.cat([before[:, :prefix], patches], 1) if prefix else patches
    write_expected(folder, states=shown, logits=logits, targets=targets)


def shard(folder, binary):
    """Divides the weights of a folder, as large models come."""
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    stem, end = ("pytorch_model", "bin") if binary else ("model", "safetensors")
    names = sorted(weights)
    parts = {f"{stem}-0000{part + 1}-of-00002.{end}": names[part::2] for part in (0, 1)}
    for file, chosen in parts.items():
        tensors = {name: weights[name] for name in chosen}
        (torch.save if binary else save_file)(tensors, folder / file)
    weight_map = {name: file for file, chosen in parts.items() for name in chosen}
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / f"{stem}.{end}.index.json").write_text(json.dumps(index, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)

    beit = dict(VISION, **LABELS, use_relative_position_bias=True)
    for name, config in {
        "hf_beit_mean": dict(beit, use_mean_pooling=True, layer_scale_init_value=0.1),
        "hf_beit_cls": dict(beit, use_mean_pooling=False, layer_scale_init_value=0.0),
        "hf_beit_both_tables": dict(
            beit, use_shared_relative_position_bias=True, layer_scale_init_value=0.1
        ),
        "hf_beit_absolute": dict(
            VISION,
            **LABELS,
            use_absolute_position_embeddings=True,
            use_shared_relative_position_bias=True,
            layer_scale_init_value=0.1,
        ),
    }.items():
        huggingface(out, name, hf.BeitForImageClassification(hf.BeitConfig(**config)))

    pretrain = dict(VISION, use_mask_token=True, use_shared_relative_position_bias=True)
    pretrain |= dict(layer_scale_init_value=0.1, vocab_size=7)
    model = hf.BeitForMaskedImageModeling(hf.BeitConfig(**pretrain))
    huggingface(out, "hf_beit_pretrain", model)

    vit = hf.ViTForImageClassification(hf.ViTConfig(**VISION, **LABELS))
    for name in ["hf_vit", "hf_vit_sharded", "hf_vit_sharded_bin"]:
        huggingface(out, name, vit, norm=vit.vit.layernorm)
    shard(out / "hf_vit_sharded", binary=False)
    shard(out / "hf_vit_sharded_bin", binary=True)
    dino = hf.ViTModel(hf.ViTConfig(**VISION))
    huggingface(out, "hf_dino", dino, norm=dino.layernorm)
    mae = hf.ViTMAEForPreTraining(
        hf.ViTMAEConfig(
            **VISION,
            mask_ratio=0.0,
            decoder_hidden_size=8,
            decoder_num_hidden_layers=1,
            decoder_num_attention_heads=1,
            decoder_intermediate_size=8,
        )
    )
    huggingface(out, "hf_mae", MaeInOrder(mae), norm=mae.vit.layernorm)
    wide = {key: value for key, value in VISION.items() if key != "intermediate_size"}
    wide |= dict(mlp_ratio=2)
    dinov2 = hf.Dinov2ForImageClassification(hf.Dinov2Config(**wide, **LABELS))
    huggingface(out, "hf_dinov2", dinov2, norm=dinov2.dinov2.layernorm)
    registers = hf.Dinov2WithRegistersModel(
        hf.Dinov2WithRegistersConfig(**wide, num_register_tokens=2)
    )
    huggingface(out, "hf_dinov2_registers", registers, norm=registers.layernorm)
    clip = hf.CLIPVisionModelWithProjection(hf.CLIPVisionConfig(**VISION, projection_dim=12))
    huggingface(
        out,
        "hf_clip",
        clip,
        norm=clip.vision_model.post_layernorm,
        projection=clip.visual_projection,
        image_processor_type="CLIPImageProcessor",
        size={"shortest_edge": 10},
        do_center_crop=True,
        crop_size={"height": SIZE, "width": SIZE},
    )
    siglip = hf.SiglipForImageClassification(
        hf.SiglipConfig(vision_config=VISION, text_config=TEXT, **LABELS)
    )
    norm = siglip.vision_model.post_layernorm
    huggingface(out, "hf_siglip", siglip, prefix=0, norm=norm)

    base = dict(num_classes=CLASSES)
    timm_model(out, "timm_beit_mean", "beitv2_base_patch16_224", **base)
    timm_model(out, "timm_beit_cls", "beitv2_base_patch16_224", **base, global_pool="token")
    timm_model(out, "timm_vit", "vit_base_patch16_224", **base)
    timm_model(out, "timm_vit_mean", "vit_base_patch16_224", **base, global_pool="avg")
    timm_model(out, "timm_mae", "vit_base_patch16_224", num_classes=0)
    timm_model(out, "timm_dinov2", "vit_base_patch14_dinov2", num_classes=0)
    timm_model(
        out, "timm_dinov2_registers", "vit_base_patch14_reg4_dinov2", num_classes=0, reg_tokens=2
    )
    timm_model(out, "timm_clip", "vit_base_patch16_clip_quickgelu_224", **base)
    timm_model(out, "timm_siglip", "vit_base_patch16_siglip_224", prefix=0, num_classes=0)


class MaeInOrder(torch.nn.Module):
    """MAE without masking, its patches in their order: it shuffles them even where it keeps all."""

    def __init__(self, model):
        super().__init__()
        self.model = model
        self.config = model.config

    def save_pretrained(self, folder):
        self.model.save_pretrained(folder)

    def forward(self, pixels, output_hidden_states):
        count = (SIZE // PATCH) ** 2
        noise = torch.arange(count).float().expand(len(pixels), count)
        return self.model.vit(pixels, noise=noise, output_hidden_states=output_hidden_states)


if __name__ == "__main__":
    main()
