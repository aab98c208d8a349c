"""Takes models of every kind from transformers and timm to mimic and back, and compares what they give.

    python -m venv venv && venv/bin/pip install timm transformers
    venv/bin/python tools/verify_round_trips.py tests/fixtures/models

Each folder in the one given is opened by its own library and by `deno task predict` or `features`, and
what mimic converts it to (timm, Hugging Face) is opened by those libraries again: from the same image
files on, each side by the configs that it finds. The images have the model's size, so that no resizing,
which every library rounds in its own way, is in the figures; statistics and names are. Prints a line
for each with the largest difference, of logits or of the mean patch of the last block, and exits with 1
where one is above --tolerance, or class names differ.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import timm
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()


def deno(*words):
    done = subprocess.run(["deno", "task", *map(str, words)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"deno task {' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout


def write_images(folder, size):
    generator = torch.Generator().manual_seed(2)
    pixels = torch.randint(0, 256, (3, size, size, 3), generator=generator, dtype=torch.uint8)
    for index, image in enumerate(pixels):
        Image.fromarray(image.numpy()).save(folder / f"{index}.png")
    return [Image.open(folder / f"{index}.png") for index in range(len(pixels))]


def huggingface_output(folder, images):
    """Logits or mean patches, and the names of the classes."""
    config = transformers.AutoConfig.from_pretrained(folder)
    architecture = config.architectures[0]
    model = getattr(transformers, architecture).from_pretrained(folder, dtype=torch.float32).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    pixels = processor(images, return_tensors="pt")["pixel_values"]
    if "ImageClassification" in architecture:
        names = [model.config.id2label[index] for index in range(model.config.num_labels)]
        return model(pixels).logits, names
    if architecture == "ViTMAEForPreTraining":
        model = model.vit
        count = (config.image_size // config.patch_size) ** 2
        model.config.mask_ratio = 0.0
        noise = torch.arange(count).float().expand(len(pixels), count)
        states = model(pixels, noise=noise, output_hidden_states=True).hidden_states[-1]
    else:
        states = model(pixels, output_hidden_states=True).hidden_states[-1]
    vision = getattr(config, "vision_config", config)
    patches = (vision.image_size // vision.patch_size) ** 2
    return states[:, -patches:].mean(1), None


def timm_output(folder, images):
    model = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    config = timm.data.resolve_data_config({}, model=model)
    transform = timm.data.create_transform(**config)
    pixels = torch.stack([transform(image) for image in images])
    strict_load(folder)
    if model.num_classes > 0:
        return model(pixels), json.loads((folder / "config.json").read_text()).get("label_names")
    last = len(model.blocks) - 1
    found = model.forward_intermediates(pixels, indices=[last], norm=False, output_fmt="NLC")
    return found[1][0].mean(1), None


def strict_load(folder):
    """`create_model` and `load_state_dict` take the file whole, as by hand."""
    config = json.loads((folder / "config.json").read_text())
    args = dict(config["model_args"], num_classes=config["num_classes"])
    model = timm.create_model(config["architecture"], **args)
    model.load_state_dict(load_file(folder / "model.safetensors"), strict=True)


def our_output(checkpoint, images_folder, kind, scratch):
    if kind == "finetune":
        words = ["--checkpoint", checkpoint, "--top", 1000000, "--json", "--backend", "reference"]
        predictions = json.loads(deno("predict", images_folder, *words))
        rows = [sorted(one["guesses"], key=lambda guess: guess["label"]) for one in predictions]
        logits = torch.tensor([[guess["logit"] for guess in row] for row in rows])
        return logits, [guess["name"] for guess in rows[0]]
    out = scratch / "features.safetensors"
    deno("features", images_folder, "--checkpoint", checkpoint, "--out", out, "--backend", "reference")
    (mean,) = [value for key, value in load_file(out).items() if key.endswith(".meanPatches")]
    return mean, None


def outputs_of(folder, images):
    config = json.loads((folder / "config.json").read_text())
    return (timm_output if "architecture" in config else huggingface_output)(folder, images)


def round_trip(folder, scratch):
    """Yields what was compared, the largest difference, and whether the class names agree."""
    about = json.loads(deno("inspect", folder, "--json"))
    images_folder = scratch / "images"
    images_folder.mkdir()
    images = write_images(images_folder, about["shape"]["imageSize"])
    with torch.no_grad():
        wanted, names = outputs_of(folder, images)
        found, our_names = our_output(folder, images_folder, about["kind"], scratch)
        yield "mimic", (found - wanted).abs().max().item(), names == our_names
        for to, output in [("timm", timm_output), ("huggingface", huggingface_output)]:
            out = scratch / to
            try:
                report = json.loads(deno("convert", folder, out, "--to", to, "--json"))
            except RuntimeError as error:
                yield f"to {to}: {str(error).splitlines()[-1].split('error: ')[-1]}", None, True
                continue
            found, exported_names = output(out, images)
            note = " (epsilon 1e-6)" if report["notes"] else ""
            yield f"to {to}{note}", (found - wanted).abs().max().item(), names == exported_names


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", type=Path)
    parser.add_argument("--tolerance", type=float, default=1e-4)
    options = parser.parse_args()
    failures = 0
    for folder in sorted(path for path in options.models.iterdir() if path.is_dir()):
        with tempfile.TemporaryDirectory() as scratch:
            for what, difference, same_names in round_trip(folder, Path(scratch)):
                is_good = same_names and (difference is None or difference <= options.tolerance)
                failures += not is_good
                figure = "" if difference is None else f"{difference:.1e}"
                verdict = "" if is_good else "  FAILED" + ("" if same_names else ": names differ")
                print(f"{folder.name:24} {what:32} {figure}{verdict}", flush=True)
    print(f"{failures} failed, with a tolerance of {options.tolerance}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
