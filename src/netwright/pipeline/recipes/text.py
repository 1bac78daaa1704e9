"""Texts."""

from __future__ import annotations

from netwright.config import TextConfig
from netwright.data.schema import Column
from netwright.pipeline.recipes.base import Recipe


def settle(column: Column, settings: TextConfig, rows: int, effort: str) -> TextConfig:
    """The settings without "auto"."""
    return settings


def recipe(column: Column, settings: TextConfig, rows: int, effort: str, task: str) -> Recipe | None:
    """How a network of nothing but texts is trained."""
    return None
