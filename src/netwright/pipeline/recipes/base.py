"""What a recipe says."""

from __future__ import annotations

from dataclasses import dataclass


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
