"""Whole series."""

from __future__ import annotations

import math

from netwright.config import SeriesConfig
from netwright.data.schema import Column
from netwright.pipeline.recipes.base import Recipe, batch_size, filled

PRODUCTS = {"quick": 4e11, "normal": 2e12, "best": 4e13}  # of the whole training: about .2, 1 and 20 minutes
STEPS = {"quick": 300, "normal": 800, "best": 2000}  # that small sets are trained for
LEAST_EPOCHS, MOST_EPOCHS = 20, {"quick": 80, "normal": 200, "best": 500}
BATCHES = ((1_000, 16), (4_000, 32), (20_000, 64))
LARGEST_BATCH = 128
FEW_ROWS = 2_000  # augmentation pays
RECURRENT = ("gru", "lstm")
PRODUCTS_OF_WIDTH = 16  # of a step in an fcn, by the square of its width


def settle(column: Column, settings: SeriesConfig, rows: int, effort: str) -> SeriesConfig:
    """The settings without "auto": an fcn, as wide as the time allows.

    Arguments:
        column: its shape [T, C] tells how long series are.
        settings: as the user gave them.
        rows: number of training rows.
        effort: quick, normal or best.
    """
    encoder = "fcn" if settings.encoder == "auto" else settings.encoder
    few = rows < FEW_ROWS
    values = {
        "encoder": encoder,
        "width": {"fcn": _width(column, rows, effort), "resnet": 32}.get(encoder, 64),
        "depth": {"resnet": 3, "transformer": 2}.get(encoder, 1),
        "length": column.shape[0],
        "dropout": 0.0 if encoder in ("fcn", "resnet") else 0.1,
        # Noise made GunPoint worse (.977 and not .996); other speeds and slices did no harm (.997).
        "jitter": 0.0,
        "scaling": 0.0,
        "slicing": 0.1 if few else 0.0,
        "warping": 0.2 if few else 0.0,
    }
    return filled(settings, values)


def recipe(column: Column, settings: SeriesConfig, rows: int, effort: str, task: str) -> Recipe:
    """How a network of series is trained: to the end of a cosine, for there are few rows to stop it by.

    Arguments:
        column, rows, effort: as for `settle`.
        settings: settled.
        task: as in `Target`.
    """
    batch = batch_size(rows, BATCHES, LARGEST_BATCH)
    encoder = settings.encoder
    return Recipe(
        epochs=_epochs(rows, batch, effort),
        batch_size=batch,
        learning_rate=2e-3 if encoder in RECURRENT else 5e-4 if encoder == "transformer" else 1e-3,
        weight_decay=0.01,
        label_smoothing=0.0,
        warmup=0.05,
        patience=0,
        members=3 if effort == "best" else 1,
        kind="mlp",
        width=128,
        depth=0,
        heads=1,
        dropout=0.0,
    )


def _epochs(rows: int, batch: int, effort: str) -> int:
    epochs = math.ceil(STEPS[effort] / math.ceil(max(rows, 1) / batch))
    return max(LEAST_EPOCHS, min(MOST_EPOCHS[effort], epochs))


def _width(column: Column, rows: int, effort: str) -> int:
    """64 channels (best: 128), or as many as the products of all steps leave room for; 16 at least."""
    batch = batch_size(rows, BATCHES, LARGEST_BATCH)
    steps = column.shape[0] * rows * _epochs(rows, batch, effort)
    room = math.sqrt(PRODUCTS[effort] / (3 * PRODUCTS_OF_WIDTH * max(steps, 1)))
    return max(16, min(128 if effort == "best" else 64, int(room) // 8 * 8))
