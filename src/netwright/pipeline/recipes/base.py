"""What a recipe says, and how it is put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from netwright.config import Section

Settings = TypeVar("Settings", bound=Section)


@dataclass(frozen=True)
class Recipe:
    """The values that "auto" takes in `network` and `training`. None leaves a plain table's.

    Arguments:
        epochs: at most.
        batch_size: rows a step.
        learning_rate: its peak.
        weight_decay: decoupled.
        label_smoothing: share of the other classes in a target.
        warmup: share of the steps in which the rate rises.
        patience: epochs without a better validation score; 0 never stops early.
        members: networks that are averaged.
        kind: of the trunk between encoders and head: mlp, residual or tabm.
        width, depth, heads: of the trunk; depth 0 hands the features on.
        dropout: of the trunk's layers, or of the features where it has none.
    """

    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    weight_decay: float | None = None
    label_smoothing: float | None = None
    warmup: float | None = None
    patience: int | None = None
    members: int | None = None
    kind: str | None = None
    width: int | None = None
    depth: int | None = None
    heads: int | None = None
    dropout: float | None = None


def filled(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """The settings with these values in the place of every "auto"."""
    return settings.model_copy(
        update={name: value for name, value in values.items() if getattr(settings, name) == "auto"}
    )


def batch_size(rows: int, steps: Sequence[tuple[int, int]], largest: int) -> int:
    """Rows of a batch, by the number of training rows.

    Arguments:
        rows: to train on.
        steps: (most, size): the first whose `most` is above `rows` gives the size.
        largest: beyond all steps.

    Example:
        >>> [batch_size(rows, ((500, 16), (1_500, 32)), 64) for rows in (499, 500, 5_000)]
        [16, 32, 64]
    """
    return next((size for most, size in steps if rows < most), largest)
