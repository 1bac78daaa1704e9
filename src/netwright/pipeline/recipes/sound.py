"""Sounds."""

from __future__ import annotations

from netwright.config import SoundConfig
from netwright.data.schema import Column
from netwright.pipeline.recipes.base import Recipe

SPECTRA = 300  # of a sound, at most, unless the settings say more
LOW_RATE = 11_025  # up to it, speech over the telephone; 40 bands are enough
FEW, MANY = 1_000, 20_000  # sounds


def settle(column: Column, settings: SoundConfig, rows: int, effort: str) -> SoundConfig:
    """The settings without "auto".

    Arguments:
        column: described: its rate, and the longest sound's samples.
        settings: as given.
        rows: number of training rows.
        effort: quick, normal or best.
    """
    seconds = column.shape[0] / column.rate
    found = {
        "encoder": "cnn",
        "rate": column.rate,
        "seconds": 10.0,
        "bands": 40 if column.rate <= LOW_RATE else 64,
        "window": 25.0 if seconds <= SPECTRA * 0.01 else 50.0,
        "hop": max(10.0, round(1000.0 * seconds / SPECTRA, 1)),
        "size": 32 if effort == "best" else 16,
        "dropout": 0.2,
        "gain": 6.0,
        "shift": 0.1,
        "speed": 0.1,
        "noise": 0.1,
        "time_mask": 0.1,
        "band_mask": 0.15,
    }
    auto = {name: value for name, value in found.items() if getattr(settings, name) == "auto"}
    if settings.encoder in ("fcn", "resnet", "gru") and "size" in auto:
        auto["size"] = 64
    return settings.model_copy(update=auto)


def recipe(column: Column, settings: SoundConfig, rows: int, effort: str, task: str) -> Recipe:
    """How a network of sounds is trained.

    Arguments as for `settle`, with the settings settled; task: of the target.
    """
    epochs = 15 if rows > MANY else 60 if rows < FEW else 24
    return Recipe(
        epochs={"quick": epochs // 3, "best": 2 * epochs}.get(effort, epochs),
        batch_size=32 if rows < 4 * FEW else 64,
        learning_rate=3e-3,
        weight_decay=1e-2,
        label_smoothing=0.0 if task == "regression" else 0.1,
        warmup=0.1,
        patience=0,
        depth=0,
        dropout=0.0,
    )
