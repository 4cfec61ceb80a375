"""Draws nearest.png: an image that is no six, the nearest six, and the difference (red darker, blue lighter), for six images.

    icnn project detector.onnx --point test-images.npy --at-most 0 --norm l2 --lower 0 --upper 1 --json | python picture.py
"""
import json
import os
import sys

import numpy as np
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
SHOWN = [0, 19, 40, 60, 80, 101]


def tile(colours):
    return np.pad(colours, ((1, 1), (1, 1), (0, 0)), constant_values=200)


def grey(pixels):
    return np.repeat(255 * (1 - pixels.clip(0, 1)).reshape(8, 8, 1), 3, 2)


def difference(change):
    """White where nothing changes; as strong as the largest change of this image."""
    c = (change / abs(change).max()).reshape(8, 8)
    less, more = np.maximum(-c, 0), np.maximum(c, 0)
    return 255 * np.stack([1 - less, 1 - less - more, 1 - more], 2)


images = np.load(os.path.join(HERE, "test-images.npy")).astype(float)
found = [json.loads(line) for line in sys.stdin]
columns = []
for row in SHOWN:
    y = np.array(found[row]["y"])
    columns.append(np.vstack([tile(grey(images[row])), tile(grey(y)), tile(difference(y - images[row]))]))
    print(f"row {row}: distance {found[row]['distance']:.4f}, largest change of a pixel {abs(y - images[row]).max():.3f}")
sheet = np.hstack(columns).astype(np.uint8)
Image.fromarray(sheet).resize((8 * sheet.shape[1], 8 * sheet.shape[0]), 0).save(os.path.join(HERE, "nearest.png"))
