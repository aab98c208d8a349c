"""The reference data pipeline on one picture, Pillow and NumPy: prints its CPU time in milliseconds."""
import io
import math
import random
import sys
import time

import numpy as np
from PIL import Image, ImageEnhance

data = open(sys.argv[1], "rb").read()
pictures = int(sys.argv[2])
mean = np.array([123.675, 116.28, 103.53], np.float32)
std = np.array([58.395, 57.12, 57.375], np.float32)
enhancers = [ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color]


def crop_box(width, height):
    for _ in range(10):
        area = random.uniform(0.2, 1) * width * height
        ratio = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if w <= width and h <= height:
            top, left = random.randint(0, height - h), random.randint(0, width - w)
            return left, top, left + w, top + h
    return 0, 0, width, height


def prepare():
    image = Image.open(io.BytesIO(data)).convert("RGB")
    for enhancer in random.sample(enhancers, 3):
        image = enhancer(image).enhance(random.uniform(0.6, 1.4))
    if random.random() < 0.5:
        image = image.transpose(Image.FLIP_LEFT_RIGHT)
    image = image.crop(crop_box(*image.size)).resize((224, 224), Image.BICUBIC)
    pixels = np.asarray(image, np.float32)
    views = (pixels - mean) / std, (pixels - 127.5) / 127.5
    return [np.ascontiguousarray(view.transpose(2, 0, 1)) for view in views]


prepare()
start = time.process_time()
for _ in range(pictures):
    prepare()
print((time.process_time() - start) / pictures * 1000)
