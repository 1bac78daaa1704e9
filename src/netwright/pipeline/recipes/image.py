"""Pictures.

The values were chosen on training rows of fashion_mnist, the digits of scikit-learn and hymenoptera.
"""

from __future__ import annotations

import math
from typing import Any

from netwright.config import ImageConfig
from netwright.data.schema import Column
from netwright.encoders.image import body
from netwright.encoders.measure import costs
from netwright.encoders.vit import patch_of
from netwright.pipeline.recipes.base import Recipe, batch_size, filled

CHANGES: dict[str, dict[str, Any]] = {
    "none": {"flip": "none", "rotation": 0.0, "shift": 0.0, "scale": 0.0, "colour": 0.0},
    "drawing": {"flip": "tested", "rotation": 0.0, "shift": 0.07, "scale": 0.0, "colour": 0.0},
    "photo": {"flip": "tested", "rotation": 10.0, "shift": 0.1, "scale": 0.25, "colour": 0.25},
}
"""Settings of augmentation that "auto" stands for, by the content."""
SMALL = 16  # rows and columns up to which a shift by one is much
GREY_PHOTO = 64  # rows and columns from which a grey picture is taken for a photo
SIZES = {"cnn": 32, "resnet": 32, "vit": 96}
PRODUCTS = {"quick": 3e12, "normal": 3.5e13, "best": 3e14}
"""multiplications of a whole training, forward and backward; 1e12 take about 13 s of a processor core"""
MOST_EPOCHS = {"quick": 12, "normal": 40, "best": 120}
LEAST_EPOCHS = {"quick": 2, "normal": 4, "best": 10}
BATCHES = ((500, 16), (1_500, 32), (5_000, 64))
LARGEST_BATCH = 128


def settle(column: Column, settings: ImageConfig, rows: int, effort: str) -> ImageConfig:
    """The settings without "auto".

    Arguments:
        column: its shape is that of a picture: H, W, C.
        settings: as the user gave them.
        rows: number of training rows.
        effort: quick, normal or best.

    Example:
        >>> column = Column(name="picture", kind="image", reason="", shape=[28, 28, 1])
        >>> settled = settle(column, ImageConfig(), rows=60_000, effort="normal")
        >>> settled.encoder, settled.augment, settled.flip, settled.shift
        ('cnn', 'drawing', 'tested', 0.07)
    """
    height, width, channels = column.shape
    encoder = "cnn" if settings.encoder == "auto" else settings.encoder
    content = settings.augment
    if content == "auto":
        content = "drawing" if channels == 1 and min(height, width) < GREY_PHOTO else "photo"
    changes = {"noise": 0.0, "cutout": 0.0} | CHANGES[content]
    if content == "drawing" and min(height, width) <= SMALL:
        changes["shift"] = 0.0
    values = changes | {
        "encoder": encoder,
        "height": height,
        "width": width,
        "channels": channels,
        "size": SIZES[encoder],
        "patch": patch_of((height, width, channels)),
        "both_sides": True,
        "dropout": 0.1 if encoder == "vit" else 0.0,
        "augment": content,
    }
    return filled(settings, values)


def recipe(column: Column, settings: ImageConfig, rows: int, effort: str, task: str) -> Recipe:
    """How a network of pictures is trained.

    Arguments:
        column, rows, effort: as for `settle`.
        settings: settled.
        task: as in `Target`.

    Returns:
        Epochs by what an epoch costs, and the rest.
    """
    height, width, channels = column.shape
    built = body((height, width, channels), settings)
    built.connect((height, width, channels), 1)
    epoch = 3 * sum(costs(built)[0]) * max(rows, 1)
    epochs = math.floor(PRODUCTS[effort] / epoch)
    epochs = max(LEAST_EPOCHS[effort], min(MOST_EPOCHS[effort], epochs))
    batch = batch_size(rows, BATCHES, LARGEST_BATCH)
    rate = 5e-3 if batch == LARGEST_BATCH else 3e-3
    return Recipe(
        epochs=epochs,
        batch_size=batch,
        learning_rate=1e-3 if settings.encoder == "vit" else rate,
        weight_decay=0.05,
        label_smoothing=0.0 if task == "regression" else 0.1,
        warmup=0.1,
        patience=0,
        members=1,
        kind="mlp",
        width=128,
        depth=0,
        heads=1,
        dropout=0.0,
    )
