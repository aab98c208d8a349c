"""Compares the logits of an exported classifier in timm and Hugging Face's transformers with ours.

    python -m venv venv && venv/bin/pip install timm transformers
    deno task convert runs/classifier/best.safetensors exported/timm --to timm
    deno task convert runs/classifier/best.safetensors exported/huggingface --to huggingface
    deno task predict IMAGES --checkpoint exported/timm/model.safetensors --top 100000 --json > ours.json
    venv/bin/python tools/verify_export.py ours.json IMAGES --timm exported/timm \\
        --huggingface exported/huggingface

Both libraries read, resize, crop and normalise the image files by the exported configs themselves.
Prints the largest difference of a logit, and that of the same model on identical pixels, which leaves
the resizing out. Exits with 1 where a difference is above --tolerance.
"""

import argparse
import json
import sys
from pathlib import Path

import torch
from PIL import Image


def our_logits(path):
    """Logits by image and class, as `predict --json` has them."""
    predictions = json.loads(Path(path).read_text())
    return {
        one["image"]: torch.tensor(
            [guess["logit"] for guess in sorted(one["guesses"], key=lambda guess: guess["label"])]
        )
        for one in predictions
    }


def timm_model(folder):
    import timm

    model = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    config = timm.data.resolve_data_config({}, model=model)
    transform = timm.data.create_transform(**config)
    return model, lambda image: transform(image)[None]


def huggingface_model(folder):
    from transformers import AutoImageProcessor, BeitForImageClassification

    model = BeitForImageClassification.from_pretrained(folder).eval()
    processor = AutoImageProcessor.from_pretrained(folder)
    return (
        lambda pixels: model(pixels).logits,
        lambda image: processor(image, return_tensors="pt")["pixel_values"],
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("predictions")
    parser.add_argument("images", help="folder that the images' names are relative to")
    parser.add_argument("--timm")
    parser.add_argument("--huggingface")
    parser.add_argument("--tolerance", type=float, default=1e-3)
    options = parser.parse_args()
    ours = our_logits(options.predictions)
    loaders = [
        (name, load(folder))
        for name, load, folder in [
            ("timm", timm_model, options.timm),
            ("huggingface", huggingface_model, options.huggingface),
        ]
        if folder is not None
    ]
    largest = {}
    pixels_of = {}
    with torch.no_grad():
        for image_id, wanted in ours.items():
            path = Path(image_id)
            image = Image.open(path if path.exists() else Path(options.images) / image_id)
            image = image.convert("RGB")
            for name, (model, prepare) in loaders:
                pixels = prepare(image)
                pixels_of.setdefault(image_id, pixels)
                found = {
                    name: model(pixels)[0],
                    f"{name}, on {loaders[0][0]}'s pixels": model(pixels_of[image_id])[0],
                }
                for key, logits in found.items():
                    difference = (logits - wanted).abs().max().item()
                    largest[key] = max(largest.get(key, 0.0), difference)
    scale = max(logits.abs().max().item() for logits in ours.values())
    print(f"{len(ours)} images, logits up to {scale:.3f}")
    for name, difference in largest.items():
        print(f"{name}: largest difference {difference:.2e}")
    return 0 if max(largest.values()) <= options.tolerance else 1


if __name__ == "__main__":
    sys.exit(main())
