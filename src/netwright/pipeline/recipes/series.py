"""Whole series."""

from __future__ import annotations

from typing import Any

from netwright.config import SeriesConfig
from netwright.data.schema import Column
from netwright.pipeline.recipes.base import Recipe

PRODUCTS = {
    "quick": 3e10,
    "normal": 3e11,
    "best": 6e12,
}  # of all rows in an epoch, that a width is chosen for
LEAST_EPOCHS = 20
RECURRENT = ("gru", "lstm")


def settle(column: Column, settings: SeriesConfig, rows: int, effort: str) -> SeriesConfig:
    """The settings without "auto": convolutions, and augmentation where rows are few."""
    return settings


def recipe(column: Column, settings: SeriesConfig, rows: int, effort: str, task: str) -> Recipe:
    """How a network of series is trained."""
    return Recipe()
